package statetest

import (
	"cmp"
	"context"
	"slices"

	"studychat/db"
)

// body is the chat as Repository.Chat gives it. The caller holds s.mu.
func (s *modelStore) body(c *modelChat) *db.Chat {
	chat := c.Chat
	chat.Epoch = s.saw()
	if n := len(c.messages); n > 0 {
		chat.LastMessage = c.messages[n-1]
	}
	return &chat
}

func (s *modelStore) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	if err := ctx.Err(); err != nil {
		return nil, db.Unavailable(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[id]
	if c == nil || c.DeletedAt != nil || c.Member(viewer) == nil {
		return nil, db.NotFound("chat")
	}
	chat := s.body(c)
	from := max(0, len(c.messages)-db.MessagePage)
	chat.Newest = &db.Newest{Messages: c.messages[from:], Whole: from == 0}
	return chat, nil
}

func (s *modelStore) Chats(ctx context.Context, viewer string, _ *string, page db.Page) (*db.ChatList, error) {
	if err := ctx.Err(); err != nil {
		return nil, db.Unavailable(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &db.ChatList{Chats: []*db.Chat{}, Cursor: db.FeedCursor{User: viewer, Epoch: s.saw(), At: s.Horizon().Add(-db.FeedOverlap)}}
	for _, c := range s.chats {
		if c.DeletedAt == nil && c.Member(viewer) != nil {
			list.Chats = append(list.Chats, s.body(c))
		}
	}
	slices.SortFunc(list.Chats, func(a, b *db.Chat) int { return cmp.Or(b.LastAt.Compare(a.LastAt), cmp.Compare(b.ID, a.ID)) })
	if len(list.Chats) > page.Limit {
		list.Chats, list.HasNext = list.Chats[:page.Limit], true
	}
	return list, nil
}

// head is called with s.mu held.
func (s *modelStore) head(c *modelChat) db.Head {
	return db.Head{ChatID: c.ID, HeadSeq: c.HeadSeq, FloorSeq: c.FloorSeq, Epoch: s.saw(), LastAt: c.LastAt, DeletedAt: c.DeletedAt}
}

func (s *modelStore) Head(_ context.Context, viewer, chatID string) (db.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil || c.Member(viewer) == nil {
		return db.Head{}, db.NotFound("chat")
	}
	head := s.head(c)
	head.JoinedSeq = c.Member(viewer).JoinedSeq
	return head, nil
}

func (s *modelStore) Departure(_ context.Context, viewer, chatID string) (db.Head, *db.Event, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil {
		return db.Head{}, nil, db.NotFound("chat")
	}
	head := s.head(c)
	for _, e := range slices.Backward(c.events) { // whatever the floor: removals are kept
		if e.Kind == db.MemberRemoved && e.Member.UserID == viewer {
			return head, s.replayed(c, e), nil
		}
	}
	return db.Head{}, nil, db.NotFound("chat")
}

func (s *modelStore) Heads(_ context.Context, chatIDs []string) ([]db.Head, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heads := make([]db.Head, 0, len(chatIDs))
	for _, id := range chatIDs {
		if c := s.chats[id]; c != nil {
			heads = append(heads, s.head(c))
		}
	}
	return heads, nil
}

func (s *modelStore) Log(_ context.Context, chatID string, after int64, limit int) (*db.Log, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil {
		return nil, db.NotFound("chat")
	}
	log := &db.Log{Head: s.head(c)}
	for _, e := range c.events {
		if e.Seq > max(after, c.FloorSeq) && len(log.Events) < limit {
			log.Events = append(log.Events, s.replayed(c, e))
		}
	}
	return log, nil
}

// replayed is the event as the log tells it later: with the message as it is now, in the epoch of now.
func (s *modelStore) replayed(c *modelChat, event *db.Event) *db.Event {
	told := *event
	told.Epoch = s.epoch
	if told.Message != nil {
		told.Message = c.messages[c.index(told.Message.ID)]
	}
	return &told
}

func (s *modelStore) Epoch(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saw(), nil
}
