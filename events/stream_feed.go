package events

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

// feedStream is the Stream of all the viewer's chats: a follower for each chat, served one after the other.
//
// Chats keep their order, the feed as a whole has none. Its cursor is a watermark: a time before which everything was
// delivered, see feed_watermark.go.
type feedStream struct {
	hub    *Hub
	viewer string
	news   chan struct{} // ready or stale changed
	closed chan struct{}
	close  sync.Once
	depart func()      // takes the presence back
	stale  atomic.Bool // the set of the viewer's chats may have grown

	mu    sync.Mutex // after any topic's lock
	over  bool
	chats map[string]*feedChat
	ready []*feedChat // may have news, each at most once

	// The rest belongs to the goroutine that calls Next.
	current *feedChat // its batch is being delivered: others wait, so that a feed holds one batch at most
	started *Item     // comes first
	pending *Item     // a reset that comes next
	present []string  // the chats to tell that the viewer is online
	broken  bool      // the epoch has changed: everything has to be opened anew
	watermark
}

// feedChat is one chat of a feed.
type feedChat struct {
	*follower

	queued bool          // in ready; guarded by feedStream.mu
	joined bool          // it came in while the feed was open, and was not told yet that the viewer is online
	from   *db.FeedPlace // not nil: where to start was not found out yet; the events after that place are due
}

// Feed follows all chats of the viewer from just after the cursor, or from now: at least once. Chats that the viewer
// joins come in with their latest events, chats that the viewer leaves end with MemberRemoved. Errors: UNAVAILABLE,
// ErrStopped.
func (h *Hub) Feed(ctx context.Context, viewer string, after *db.FeedCursor) (Stream, error) {
	if h.ctx.Err() != nil {
		return nil, ErrStopped
	}
	s := &feedStream{
		hub: h, viewer: viewer,
		news: make(chan struct{}, 1), closed: make(chan struct{}), depart: func() {},
		chats: map[string]*feedChat{},
	}
	h.addFeed(s)
	if err := s.open(ctx, after); err != nil {
		s.Close()
		return nil, err
	}
	s.begin(after)
	s.arrive(ctx)
	return s, nil
}

// begin says from where the feed goes on.
func (s *feedStream) begin(after *db.FeedCursor) {
	from := s.cursor()
	if after != nil {
		from = after.String()
	}
	s.started = &Item{Cursor: from, At: s.hub.repo.Now(), Started: &Started{Resumed: after != nil && s.pending == nil}}
}

// arrive tells the chats that the viewer was in when the feed opened. Those that they join later are told when they come in.
func (s *feedStream) arrive(ctx context.Context) {
	s.depart = s.hub.arrive(ctx, UserTopic(s.viewer), s.viewer, s.present, func(ctx context.Context) ([]string, error) {
		return s.hub.latestChats(ctx, s.viewer)
	})
	s.present = nil
	s.mu.Lock()
	chats := slices.Collect(maps.Values(s.chats))
	s.mu.Unlock()
	for _, c := range chats {
		c.skipPassing() // the viewer's own arrival is no news to them
	}
}

// tellJoined tells a chat that somebody who follows their feed has become a member.
func (s *feedStream) tellJoined(ctx context.Context, c *feedChat, head db.Head) {
	if c.joined && head.DeletedAt == nil {
		s.hub.tellPresence(ctx, s.viewer, []string{head.ChatID}, true)
		c.skipPassing()
	}
	c.joined = false
}

func (s *feedStream) Next(ctx context.Context) (Item, error) {
	for {
		if err := s.gone(ctx); err != nil {
			return Item{}, err
		}
		if item := s.started; item != nil {
			s.started = nil
			return *item, nil
		}
		if item := s.pending; item != nil {
			s.pending = nil
			return *item, nil
		}
		if s.broken {
			if err := s.reopen(ctx); err != nil {
				return Item{}, err
			}
			continue
		}
		if s.refreshDue() {
			s.refreshAgain(ctx)
			continue
		}
		c := s.take()
		if c == nil {
			s.wait(ctx)
			continue
		}
		item, ok, err := s.advance(ctx, c)
		if ok || err != nil {
			return item, err
		}
	}
}

// gone returns why the stream has ended, if it has.
func (s *feedStream) gone(ctx context.Context) error {
	select {
	case <-s.closed:
		return io.EOF
	default:
		return s.hub.gone(ctx)
	}
}

// wait waits until there may be something to do.
func (s *feedStream) wait(ctx context.Context) {
	timer := time.NewTimer(time.Until(s.nextRefresh))
	defer timer.Stop()
	select {
	case <-s.news:
	case <-timer.C:
	case <-s.closed:
	case <-s.hub.ctx.Done():
	case <-ctx.Done():
	}
}

// advance takes the next item out of one chat.
func (s *feedStream) advance(ctx context.Context, c *feedChat) (Item, bool, error) {
	if c.from != nil {
		err := s.start(ctx, c)
		switch {
		case db.CodeOf(err) == db.CodeNotFound: // not even a tombstone is left
			s.takeOut(c)
			return Item{}, false, nil
		case err != nil:
			s.enqueue(c)
			return Item{}, false, s.hub.pause(ctx, 1)
		case s.broken:
			return Item{}, false, nil
		}
	}
	item, ok, err := c.next(ctx)
	switch {
	case errors.Is(err, io.EOF) && c.removal != nil:
		s.startAgain(c)
		s.current = nil
		s.enqueue(c)
		return Item{}, false, nil
	case errors.Is(err, io.EOF), db.CodeOf(err) == db.CodeNotFound:
		s.end(c)
		return Item{}, false, nil
	case err != nil:
		return Item{}, false, err
	case !ok:
		s.idle(ctx, c)
		return Item{}, false, nil
	case item.Reset != nil && item.Reset.Reason == OtherEpoch:
		s.broken = true // the whole feed counts in that epoch
		return Item{}, false, nil
	case item.Reset != nil && item.Reset.Reason == Ahead:
		delete(s.due, c.topic.chatID) // the log no longer has that number
	}
	s.current = c
	if len(c.batch) == 0 { // let the others have their turn
		s.current = nil
		s.enqueue(c)
	}
	if s.replays(c) {
		s.replayed(c, item)
	}
	s.settle(c)
	item.Cursor = s.cursor()
	return item, true, nil
}

// idle goes on with another chat: there is nothing to tell of this one for now. In a replay, it may not have been read yet.
func (s *feedStream) idle(ctx context.Context, c *feedChat) {
	s.current = nil
	if s.replays(c) {
		if c.cursor.Seq < s.due[c.topic.chatID] {
			s.wait(ctx)
			return
		}
		s.nextReplayed(c)
	}
	s.settle(c)
}

// end takes a chat out whose stream has ended.
func (s *feedStream) end(c *feedChat) {
	if c.endedAt.IsZero() { // its log was replaced by one that the viewer is not in
		c.endedAt = s.hub.repo.Now()
	}
	s.remember(c.topic.chatID, feedEnded{c.cursor.Seq, c.endedAt})
	s.takeOut(c)
}

// takeOut lets a chat go.
func (s *feedStream) takeOut(c *feedChat) {
	s.current = nil
	s.remove(c)
	delete(s.due, c.topic.chatID)
	if s.replays(c) {
		s.nextReplayed(c)
	}
	s.settle(c)
}

func (s *feedStream) Close() {
	s.close.Do(func() {
		close(s.closed)
		s.hub.removeFeed(s)
		s.leaveAll(true)
		s.depart()
	})
}
