package state

import (
	"context"
	"time"

	"studychat/db"
)

func (s *modelStore) CreateChat(ctx context.Context, viewer string, chat db.NewChat) (*db.Event, error) {
	c := &modelChat{row: make(chan struct{}, 1)}
	over := s.begins()
	at := now()
	c.Chat = db.Chat{ID: chat.ID, CreatedBy: viewer, CreatedAt: at, LastAt: at,
		Members: []*db.Member{{ChatID: chat.ID, UserID: viewer, Role: db.RoleOwner, JoinedAt: at, JoinedSeq: 1}}}
	event := s.next(c, viewer)
	event.Kind, event.Title = db.ChatCreated, chat.Title
	c.row <- struct{}{}
	finish := s.guard.Mark(ctx, db.Write{ChatID: chat.ID, Members: []string{viewer}})
	s.mu.Lock()
	s.chats[chat.ID] = c
	s.apply(c, event)
	s.mu.Unlock()
	over()
	<-c.row
	if committed := fateOf(ctx).committed; committed != nil {
		committed(event)
	}
	finish(db.Committed)
	return event, nil
}

func (s *modelStore) RenameChat(ctx context.Context, viewer, id, title string) (*db.Event, error) {
	return s.write(ctx, viewer, id, "chat", func(c *modelChat, event *db.Event) error {
		event.Kind, event.Title = db.ChatRenamed, title
		return c.ownedBy(viewer)
	})
}

func (s *modelStore) DeleteChat(ctx context.Context, viewer, id string) (*db.Event, error) {
	return s.write(ctx, viewer, id, "chat", func(c *modelChat, event *db.Event) error {
		event.Kind = db.ChatDeleted
		return c.ownedBy(viewer)
	})
}

func (c *modelChat) ownedBy(viewer string) error {
	if c.CreatedBy != viewer {
		return db.Forbidden("Only the owner of the chat may do this.")
	}
	return nil
}

func (s *modelStore) SendMessage(ctx context.Context, viewer string, message db.NewMessage) (*db.Event, error) {
	return s.write(ctx, viewer, message.ChatID, "chat", func(_ *modelChat, event *db.Event) error {
		event.Kind = db.MessageSent
		event.Message = &db.Message{ID: message.ID, ChatID: message.ChatID, Seq: event.Seq, Author: viewer, Role: message.Role,
			Content: message.Content, CreatedAt: event.At}
		return nil
	})
}

func (s *modelStore) EditMessage(ctx context.Context, viewer, id, content string) (*db.Event, error) {
	return s.changeMessage(ctx, viewer, id, db.MessageEdited, func(_ *modelChat, m *db.Message, event *db.Event) error {
		switch {
		case m.Author != viewer:
			return db.Forbidden("Only the author of the message may do this.")
		case m.DeletedAt != nil:
			return db.Conflict("The message is deleted.")
		}
		m.Content, m.EditedAt = content, &event.At
		return nil
	})
}

func (s *modelStore) DeleteMessage(ctx context.Context, viewer, id string) (*db.Event, error) {
	return s.changeMessage(ctx, viewer, id, db.MessageDeleted, func(c *modelChat, m *db.Message, event *db.Event) error {
		if m.Author != viewer && c.CreatedBy != viewer {
			return db.Forbidden("Only the author of the message and the owner of the chat may do this.")
		}
		event.Repeated = m.DeletedAt != nil
		m.Content, m.DeletedAt = "", &event.At
		return nil
	})
}

func (s *modelStore) changeMessage(ctx context.Context, viewer, id string, kind db.EventKind,
	change func(*modelChat, *db.Message, *db.Event) error,
) (*db.Event, error) {
	s.mu.Lock()
	chatID := s.messages[id]
	s.mu.Unlock()
	return s.write(ctx, viewer, chatID, "message", func(c *modelChat, event *db.Event) error {
		at := c.index(id)
		if at < 0 {
			return db.NotFound("message")
		}
		changed := *c.messages[at]
		event.Kind, event.Message = kind, &changed
		return change(c, &changed, event)
	})
}

func (s *modelStore) AddMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return s.write(ctx, viewer, chatID, "chat", func(c *modelChat, event *db.Event) error {
		event.Kind = db.MemberAdded
		event.Member = &db.Member{ChatID: chatID, UserID: user, Role: db.RoleMember, JoinedAt: event.At, JoinedSeq: event.Seq}
		event.Repeated = c.Member(user) != nil
		return c.ownedBy(viewer)
	})
}

func (s *modelStore) RemoveMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return s.write(ctx, viewer, chatID, "chat", func(c *modelChat, event *db.Event) error {
		event.Kind, event.Member = db.MemberRemoved, &db.Member{UserID: user}
		event.Repeated = c.Member(user) == nil
		return c.ownedBy(viewer)
	})
}

func (s *modelStore) LeaveChat(ctx context.Context, viewer, chatID string) (*db.Event, error) {
	return s.write(ctx, viewer, chatID, "chat", func(c *modelChat, event *db.Event) error {
		event.Kind, event.Member = db.MemberRemoved, &db.Member{UserID: viewer}
		if c.CreatedBy == viewer {
			return db.Forbidden("The owner stays in the chat.")
		}
		return nil
	})
}

// prune raises the floor of all chats to what happened before the time, and takes that away.
func (s *modelStore) prune(ctx context.Context, chatID string, floor int64) {
	s.mu.Lock()
	c := s.chats[chatID]
	s.mu.Unlock()
	c.row <- struct{}{}
	s.mu.Lock()
	members := c.users()
	gone := c.DeletedAt != nil
	s.mu.Unlock()
	if gone {
		<-c.row
		return
	}
	finish := s.guard.Mark(ctx, db.Write{ChatID: chatID, Members: members})
	s.mu.Lock()
	if floor = min(floor, c.HeadSeq); floor > c.FloorSeq {
		at := c.events[floor-1].At.Add(time.Microsecond)
		c.FloorSeq, c.floorAt = floor, &at
	}
	kept := make([]*db.Message, 0, len(c.messages))
	for _, m := range c.messages {
		if m.Seq > c.FloorSeq || m.EditedAt != nil || m.DeletedAt != nil {
			kept = append(kept, m)
		}
	}
	c.messages = kept
	s.mu.Unlock()
	<-c.row
	finish(db.Committed)
}
