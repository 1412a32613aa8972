package hub

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"studychat/db"
)

// fakeLog is an EventReads in memory. It numbers events as the store does: under one lock, without a gap.
type fakeLog struct {
	mu    sync.Mutex
	epoch int64
	chats map[string]*fakeChat
	reads map[string]int // by method

	// before runs ahead of every read, without the lock: to delay it or to make it fail.
	before func(ctx context.Context, method string) error
	// after runs after every read, without the lock: to hold back what was read.
	after func(method string)
	// lag is how much earlier than its commit an event says that it happened: long transactions, clocks that are behind.
	lag func() time.Duration
	// behind is how far the horizon is: no lag is longer.
	behind time.Duration
	// horizon replaces behind, if it is set.
	horizon func() time.Duration
	// during runs between the two halves of Head, to put something in between.
	during func(method string)
}

type fakeChat struct {
	events  []*db.Event // seq i+1 at index i
	floor   int64
	floorAt *time.Time
	members map[string]int64 // the number of the event that made them one
	deleted *time.Time
}

var errFake = db.Unavailable(errors.New("the database fails, for a test"))

func newFakeLog() *fakeLog {
	return &fakeLog{epoch: 1, chats: map[string]*fakeChat{}, reads: map[string]int{}}
}

// create starts a chat with its first event.
func (f *fakeLog) create(chatID, owner string, members ...string) *db.Event {
	f.mu.Lock()
	c := &fakeChat{members: map[string]int64{owner: 1}}
	for _, m := range members {
		c.members[m] = 1
	}
	f.chats[chatID] = c
	f.mu.Unlock()
	return f.commit(chatID, owner, db.Event{Kind: db.ChatCreated, Title: "T"})
}

// commit appends an event; nil when the chat is deleted.
func (f *fakeLog) commit(chatID, actor string, event db.Event) *db.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.chats[chatID]
	if c.deleted != nil {
		return nil
	}
	event.ChatID, event.Actor, event.Epoch, event.At = chatID, actor, f.epoch, now()
	event.Seq = int64(len(c.events)) + 1
	if f.lag != nil {
		event.At = event.At.Add(-f.lag())
	}
	if n := len(c.events); n > 0 && event.At.Before(c.events[n-1].At) {
		event.At = c.events[n-1].At
	}
	switch event.Kind {
	case db.MessageSent:
		event.Message.Seq, event.Message.ChatID = event.Seq, chatID
	case db.MemberAdded:
		c.members[event.Member.UserID] = event.Seq
	case db.MemberRemoved:
		delete(c.members, event.Member.UserID)
	case db.ChatDeleted:
		c.deleted, c.floor = &event.At, event.Seq-1
	}
	c.events = append(c.events, &event)
	return &event
}

func (f *fakeLog) send(chatID, actor, content string) *db.Event {
	return f.commit(chatID, actor, db.Event{Kind: db.MessageSent, Message: &db.Message{ID: db.NewID(), Author: actor, Content: content}})
}

func (f *fakeLog) add(chatID, actor, user string) *db.Event {
	return f.commit(chatID, actor, db.Event{Kind: db.MemberAdded, Member: &db.Member{ChatID: chatID, UserID: user}})
}

func (f *fakeLog) remove(chatID, actor, user string) *db.Event {
	return f.commit(chatID, actor, db.Event{Kind: db.MemberRemoved, Member: &db.Member{ChatID: chatID, UserID: user}})
}

func (f *fakeLog) delete(chatID, actor string) *db.Event {
	return f.commit(chatID, actor, db.Event{Kind: db.ChatDeleted})
}

// prune lets go of the events up to floor.
func (f *fakeLog) prune(chatID string, floor int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.chats[chatID]
	at := c.events[floor-1].At.Add(time.Microsecond)
	c.floor, c.floorAt = floor, &at
}

// restore goes back to an earlier state of all chats; with a new epoch or, as when somebody forgot, without.
func (f *fakeLog) restore(seq int64, newEpoch bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.chats {
		c.events = slices.Clone(c.events[:min(seq, int64(len(c.events)))])
	}
	if newEpoch {
		f.epoch++
	}
}

func (f *fakeLog) headSeq(chatID string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.chats[chatID].events))
}

// count is how often the method was called.
func (f *fakeLog) count(method string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads[method]
}

// beforeReads makes each read begin with do, from now on.
func (f *fakeLog) beforeReads(do func(ctx context.Context, method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = do
}

func (f *fakeLog) read(ctx context.Context, method string) error {
	f.mu.Lock()
	f.reads[method]++
	before := f.before
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, method); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (f *fakeLog) held(method string) {
	f.mu.Lock()
	after := f.after
	f.mu.Unlock()
	if after != nil {
		after(method)
	}
}

func (f *fakeLog) head(chatID string) db.Head {
	c := f.chats[chatID]
	head := db.Head{ChatID: chatID, HeadSeq: int64(len(c.events)), FloorSeq: c.floor, Epoch: f.epoch, DeletedAt: c.deleted}
	if n := len(c.events); n > 0 {
		head.LastAt = c.events[n-1].At
	}
	return head
}

func (f *fakeLog) Head(ctx context.Context, viewer, chatID string) (db.Head, error) {
	if err := f.read(ctx, "Head"); err != nil {
		return db.Head{}, err
	}
	defer f.held("Head")
	if f.during != nil {
		f.during("Head")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.chats[chatID]; c == nil || c.members[viewer] == 0 {
		return db.Head{}, db.NotFound("chat")
	}
	return f.headFor(viewer, chatID), nil
}

func (f *fakeLog) headFor(viewer, chatID string) db.Head {
	head := f.head(chatID)
	head.JoinedSeq = f.chats[chatID].members[viewer]
	head.Member = head.JoinedSeq > 0
	return head
}

// Standing finds removals also below the floor, as the store does, and additions only where they are kept.
func (f *fakeLog) Standing(ctx context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	if err := f.read(ctx, "Standing"); err != nil {
		return nil, err
	}
	defer f.held("Standing")
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.chats[chatID]
	if c == nil {
		return nil, db.NotFound("chat")
	}
	found := &db.Standing{Head: f.headFor(viewer, chatID), Before: c.floor, FloorAt: c.floorAt}
	joined := int64(0)
	for _, e := range c.events {
		before := e.At.Before(place.Since)
		if before {
			found.Before = max(found.Before, e.Seq)
		}
		if before || e.Seq <= place.Seq || e.Member == nil || e.Member.UserID != viewer || found.Removed != nil {
			continue
		}
		switch {
		case e.Kind == db.MemberAdded && e.Seq > c.floor:
			joined = e.Seq
		case e.Kind == db.MemberRemoved:
			copied := *e
			copied.Epoch = f.epoch
			found.Removed, found.JoinedSeq = &copied, joined
		}
	}
	return found, nil
}

func (f *fakeLog) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	if err := f.read(ctx, "FeedHeads"); err != nil {
		return nil, err
	}
	defer f.held("FeedHeads")
	f.mu.Lock()
	defer f.mu.Unlock()
	var heads []db.Head
	for id, c := range f.chats {
		head := f.headFor(viewer, id)
		switch {
		case since == nil && c.members[viewer] > 0 && c.deleted == nil,
			since != nil && !head.LastAt.Before(*since) && (c.members[viewer] > 0 || c.removedSince(viewer, *since)):
			heads = append(heads, head)
		}
	}
	return heads, nil
}

func (f *fakeLog) FeedStart(ctx context.Context, viewer string, since time.Time) ([]db.Head, error) {
	if err := f.read(ctx, "FeedStart"); err != nil {
		return nil, err
	}
	defer f.held("FeedStart")
	f.mu.Lock()
	defer f.mu.Unlock()
	var heads []db.Head
	for id, c := range f.chats {
		head := f.headFor(viewer, id)
		if head.Member && head.DeletedAt == nil || !head.LastAt.Before(since) && (head.Member || c.removedSince(viewer, since)) {
			heads = append(heads, head)
		}
	}
	return heads, nil
}

func (c *fakeChat) removedSince(user string, since time.Time) bool {
	return slices.ContainsFunc(c.events, func(e *db.Event) bool {
		return e.Kind == db.MemberRemoved && e.Member.UserID == user && !e.At.Before(since)
	})
}

func (f *fakeLog) Heads(ctx context.Context, chatIDs []string) ([]db.Head, error) {
	if err := f.read(ctx, "Heads"); err != nil {
		return nil, err
	}
	defer f.held("Heads")
	f.mu.Lock()
	defer f.mu.Unlock()
	var heads []db.Head
	for _, id := range chatIDs {
		if f.chats[id] != nil {
			heads = append(heads, f.head(id))
		}
	}
	return heads, nil
}

func (f *fakeLog) Changes(ctx context.Context, since time.Time, limit int) (db.Changes, error) {
	if err := f.read(ctx, "Changes"); err != nil {
		return db.Changes{}, err
	}
	defer f.held("Changes")
	f.mu.Lock()
	defer f.mu.Unlock()
	found := db.Changes{Epoch: f.epoch, Heads: map[string]int64{}}
	for _, id := range slices.Sorted(maps.Keys(f.chats)) {
		if head := f.head(id); len(found.Heads) < limit && !head.LastAt.Before(since) {
			found.Heads[id] = head.HeadSeq
		}
	}
	return found, nil
}

func (f *fakeLog) Log(ctx context.Context, chatID string, after int64, limit int) (*db.Log, error) {
	if err := f.read(ctx, "Log"); err != nil {
		return nil, err
	}
	defer f.held("Log")
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.chats[chatID]
	if c == nil {
		return nil, db.NotFound("chat")
	}
	from := min(max(after, c.floor), int64(len(c.events)))
	to := min(from+int64(limit), int64(len(c.events)))
	events := make([]*db.Event, 0, to-from)
	for _, e := range c.events[from:to] {
		copied := *e
		copied.Epoch = f.epoch
		events = append(events, &copied)
	}
	return &db.Log{Head: f.head(chatID), Events: events}, nil
}

func (f *fakeLog) Epoch(ctx context.Context) (int64, error) {
	if err := f.read(ctx, "Epoch"); err != nil {
		return 0, err
	}
	defer f.held("Epoch")
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch, nil
}

// Now implements db.Clock.
func (f *fakeLog) Now() time.Time { return now() }

// Horizon implements db.Clock: writes commit under the lock that reads take, with a stamp of at most behind ago.
func (f *fakeLog) Horizon() time.Time {
	if f.horizon != nil {
		return now().Add(-f.horizon())
	}
	return now().Add(-f.behind)
}

// now is the time as it is stored and shown: UTC, microseconds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
