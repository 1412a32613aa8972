package state

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

// model is a database of chats in memory: the part of the contract of db.Repository that hub and cache need, implemented in
// the plainest way. Several instances open it; each has a guard of its own (modelStore).
type model struct {
	// serial makes it wrong, for a control: a number is drawn when a write begins, as from a bigserial, and no lock
	// makes the commits come in the order of the numbers.
	serial bool

	stamping

	mu       sync.Mutex
	epoch    int64
	chats    map[string]*modelChat
	messages map[string]string // chat by message
	outages  outages
}

// modelChat is one chat. Members, messages and events are replaced, never changed: readers share them.
type modelChat struct {
	row chan struct{} // the row lock: full while it is held; a channel, so that a bubble's clock goes on meanwhile

	db.Chat
	drawn    int64 // highest number given out; HeadSeq but for serial
	events   []*db.Event
	messages []*db.Message
	floorAt  *time.Time
}

// modelStore is what one instance sees of the model.
type modelStore struct {
	db.Repository // what the machine does not call is nil
	*model
	guard db.WriteGuard
	seen  atomic.Int64
}

func newModel() *model {
	return &model{epoch: 1, stamping: stamping{open: map[*time.Time]bool{}}, chats: map[string]*modelChat{}, messages: map[string]string{},
		outages: outages{notices: map[string]notice{}, running: map[*modelChat]time.Time{}}}
}

func (m *model) open(guard db.WriteGuard) *modelStore { return &modelStore{model: m, guard: guard} }

// Now implements db.Clock.
func (s *modelStore) Now() time.Time { return now() }

// stamping is when the open transactions of the database began.
type stamping struct {
	// lies makes it wrong, for a control: it says that whatever is stamped is committed.
	lies bool

	mutex sync.Mutex
	open  map[*time.Time]bool // when the transactions under way began
}

// begins notes that a transaction has begun, whose event will be stamped from now on. The returned function says that it is over.
func (s *stamping) begins() (over func()) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	at := now()
	s.open[&at] = true
	return func() {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		delete(s.open, &at)
	}
}

// Horizon implements db.Clock.
func (s *modelStore) Horizon() time.Time { return s.oldest() }

// oldest is when the oldest transaction under way began.
func (s *stamping) oldest() time.Time {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	horizon := now()
	for at := range s.open {
		if at.Before(horizon) && !s.lies {
			horizon = *at
		}
	}
	return horizon
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// bumpEpoch is what `studychat epoch bump` does.
func (m *model) bumpEpoch() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.epoch++
}

func (s *modelStore) seenEpoch() int64 { return s.seen.Load() }

// saw is called with s.mu held.
func (s *modelStore) saw() int64 {
	s.seen.Store(s.epoch)
	return s.epoch
}

var errInjected = db.Unavailable(errors.New("injected"))

// lock takes the row lock of a chat that the viewer is a member of.
func (s *modelStore) lock(ctx context.Context, viewer, chatID, what string) (*modelChat, error) {
	s.mu.Lock()
	c := s.chats[chatID]
	s.mu.Unlock()
	if c == nil {
		return nil, db.NotFound(what)
	}
	if s.serial {
		return c, nil
	}
	select {
	case c.row <- struct{}{}:
	case <-ctx.Done():
		return nil, db.Unavailable(ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.DeletedAt != nil || c.Member(viewer) == nil {
		<-c.row
		return nil, db.NotFound(what)
	}
	return c, nil
}

// write is one transaction: decide says what it does, given the locked chat.
func (s *modelStore) write(ctx context.Context, viewer, chatID, what string, decide func(c *modelChat, event *db.Event) error) (*db.Event, error) {
	c, err := s.lock(ctx, viewer, chatID, what)
	if err != nil {
		return nil, err
	}
	over := s.begins()
	unlock := sync.OnceFunc(func() {
		over()
		if !s.serial {
			<-c.row
		}
	})
	defer unlock()
	event := s.next(c, viewer)
	s.mu.Lock()
	err = decide(c, event)
	members := c.users()
	s.mu.Unlock()
	if err != nil || event.Repeated {
		return event, err
	}
	if event.Kind == db.MemberAdded {
		members = append(members, event.Member.UserID)
	}
	return s.commit(ctx, c, event, members, unlock)
}

// next is the event that a write is about to commit.
func (s *modelStore) next(c *modelChat, viewer string) *db.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.drawn = max(c.drawn, c.HeadSeq) + 1
	event := &db.Event{ChatID: c.ID, Seq: c.drawn, Epoch: s.epoch, Actor: viewer, At: now()}
	if !s.serial {
		c.drawn = c.HeadSeq // a rollback gives the number back
	}
	if event.At.Before(c.LastAt) {
		event.At = c.LastAt
	}
	return event
}

func (s *modelStore) commit(ctx context.Context, c *modelChat, event *db.Event, members []string, unlock func()) (*db.Event, error) {
	s.mu.Lock()
	s.outages.running[c] = time.Now()
	s.mu.Unlock()
	finish := s.guard.Mark(ctx, db.Write{ChatID: c.ID, Members: members})
	fate := fateOf(ctx)
	if fate.rollback {
		s.mu.Lock()
		delete(s.outages.running, c)
		s.mu.Unlock()
		unlock()
		finish(db.RolledBack)
		return nil, errInjected
	}
	s.mu.Lock()
	s.apply(c, event)
	delete(s.outages.running, c)
	s.mu.Unlock()
	unlock()
	if fate.committed != nil {
		fate.committed(event)
	}
	if fate.unknown {
		finish(db.Unknown)
		return nil, errInjected
	}
	finish(db.Committed)
	return event, nil
}

// apply makes the event part of the chat. The caller holds s.mu.
func (m *model) apply(c *modelChat, event *db.Event) {
	at, _ := slices.BinarySearchFunc(c.events, event.Seq, func(e *db.Event, seq int64) int { return int(e.Seq - seq) })
	c.events = slices.Insert(slices.Clone(c.events), at, event)
	c.HeadSeq, c.LastAt = max(c.HeadSeq, event.Seq), event.At
	switch event.Kind {
	case db.ChatCreated, db.ChatRenamed:
		c.Title = event.Title
	case db.MessageSent:
		c.messages = append(slices.Clone(c.messages), event.Message)
		m.messages[event.Message.ID] = c.ID
	case db.MessageEdited, db.MessageDeleted:
		c.messages = slices.Clone(c.messages)
		c.messages[c.index(event.Message.ID)] = event.Message
	case db.MemberAdded:
		c.Members = append(slices.Clone(c.Members), event.Member)
	case db.MemberRemoved:
		c.Members = slices.DeleteFunc(slices.Clone(c.Members), func(m *db.Member) bool { return m.UserID == event.Member.UserID })
	case db.ChatDeleted:
		c.DeletedAt, c.FloorSeq, c.messages, c.Title = &event.At, event.Seq-1, nil, ""
	}
}

func (c *modelChat) index(messageID string) int {
	return slices.IndexFunc(c.messages, func(m *db.Message) bool { return m.ID == messageID })
}

func (c *modelChat) users() []string {
	users := make([]string, 0, len(c.Members)+1)
	for _, m := range c.Members {
		users = append(users, m.UserID)
	}
	return users
}
