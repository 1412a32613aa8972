package state

import (
	"cmp"
	"context"
	"slices"
	"time"

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
	return s.headFor(c, viewer), nil
}

// headFor is called with s.mu held.
func (s *modelStore) headFor(c *modelChat, viewer string) db.Head {
	head := s.head(c)
	if m := c.Member(viewer); m != nil {
		head.Member, head.JoinedSeq = true, m.JoinedSeq
	}
	return head
}

func (s *modelStore) Standing(_ context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.chats[chatID]
	if c == nil {
		return nil, db.NotFound("chat")
	}
	found := &db.Standing{Head: s.headFor(c, viewer), Before: c.FloorSeq, FloorAt: c.floorAt}
	joined := int64(0)
	for _, e := range c.events {
		if e.At.Before(place.Since) {
			found.Before = max(found.Before, e.Seq)
			continue
		}
		if e.Seq <= place.Seq || e.Member == nil || e.Member.UserID != viewer || found.Removed != nil {
			continue
		}
		switch { // whatever the floor: removals are kept
		case e.Kind == db.MemberAdded && e.Seq > c.FloorSeq:
			joined = e.Seq
		case e.Kind == db.MemberRemoved:
			found.Removed, found.JoinedSeq = s.replayed(c, e), joined
		}
	}
	return found, nil
}

// feedHeads returns those of the heads that which wants.
func (s *modelStore) feedHeads(viewer string, which func(c *modelChat, head db.Head) bool) []db.Head {
	s.mu.Lock()
	defer s.mu.Unlock()
	heads := []db.Head{}
	for _, c := range s.chats {
		if head := s.headFor(c, viewer); which(c, head) {
			heads = append(heads, head)
		}
	}
	slices.SortFunc(heads, func(a, b db.Head) int { return cmp.Compare(a.ChatID, b.ChatID) })
	return heads
}

func (s *modelStore) FeedHeads(_ context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	return s.feedHeads(viewer, func(c *modelChat, head db.Head) bool {
		if since == nil {
			return head.Member && head.DeletedAt == nil
		}
		return c.changedFor(viewer, head, *since)
	}), nil
}

func (s *modelStore) FeedStart(_ context.Context, viewer string, since time.Time) ([]db.Head, error) {
	return s.feedHeads(viewer, func(c *modelChat, head db.Head) bool {
		return head.Member && head.DeletedAt == nil || c.changedFor(viewer, head, since)
	}), nil
}

// changedFor says whether the chat changed since, and the viewer is a member or was removed since.
func (c *modelChat) changedFor(viewer string, head db.Head, since time.Time) bool {
	return !head.LastAt.Before(since) && (head.Member || slices.ContainsFunc(c.events, func(e *db.Event) bool {
		return e.Kind == db.MemberRemoved && e.Member.UserID == viewer && !e.At.Before(since)
	}))
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

func (s *modelStore) Changes(_ context.Context, since time.Time, limit int) (db.Changes, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := db.Changes{Epoch: s.epoch, Heads: map[string]int64{}}
	for id, c := range s.chats {
		if head := s.head(c); len(found.Heads) < limit && !head.LastAt.Before(since) {
			found.Heads[id] = head.HeadSeq
		}
	}
	return found, nil
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
