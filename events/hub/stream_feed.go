package hub

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/events"
)

// feedStream is the Stream of all the viewer's chats: one follower per chat, served in turn.
//
// Chats keep their order, the feed as a whole has none. Its cursor is a watermark: a time before which everything was delivered
// (feed_watermark.go).
type feedStream struct {
	hub    *Hub
	viewer string
	chats  *feedChats
	closed chan struct{}
	close  sync.Once
	depart func()      // ends the presence
	stale  atomic.Bool // the viewer may have got another chat

	// The rest belongs to the goroutine that calls Next.
	current     *feedChat    // its batch is being delivered; other chats wait, so that a feed holds at most one batch
	started     *events.Item // comes first
	pending     *events.Item // a reset that comes next
	present     []string     // the chats that are told that the viewer is online
	broken      bool         // the epoch has changed: everything must be opened again
	nextRefresh time.Time    // by this machine's clock
	watermark
}

// Next implements Stream.
func (s *feedStream) Next(ctx context.Context) (events.Item, error) {
	for {
		if err := s.gone(ctx); err != nil {
			return events.Item{}, err
		}
		if item := s.started; item != nil {
			s.started = nil
			return s.handOut(*item), nil
		}
		if item := s.pending; item != nil {
			s.pending = nil
			return s.handOut(*item), nil
		}
		if s.broken {
			if err := s.reopen(ctx); err != nil {
				return events.Item{}, err
			}
			continue
		}
		if s.refreshDue() {
			s.refreshAgain(ctx)
			continue
		}
		c := s.nextChat()
		if c == nil {
			s.wait(ctx)
			continue
		}
		item, ok, err := s.advance(ctx, c)
		switch {
		case err != nil:
			return events.Item{}, err
		case ok:
			return s.handOut(item), nil
		}
	}
}

// handOut notes the place of an item that Next returns.
func (s *feedStream) handOut(item events.Item) events.Item {
	s.chats.mu.Lock()
	defer s.chats.mu.Unlock()
	s.chats.place.Cursor = item.Cursor
	return item
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
	select {
	case <-s.chats.news:
	case <-time.After(time.Until(s.nextRefresh)):
	case <-s.closed:
	case <-s.hub.ctx.Done():
	case <-ctx.Done():
	}
}

// setStale makes the feed look for new chats.
func (s *feedStream) setStale() {
	s.stale.Store(true)
	signal(s.chats.news)
}

// nextChat returns the chat whose turn it is, or nil. During a replay, that is the current chat of the replay.
func (s *feedStream) nextChat() *feedChat {
	switch {
	case len(s.queue) > 0:
		return s.queue[0]
	case s.current != nil:
		return s.current
	default:
		return s.chats.dequeue()
	}
}

// advance takes the next item out of one chat.
func (s *feedStream) advance(ctx context.Context, c *feedChat) (events.Item, bool, error) {
	if c.from != nil {
		err := s.start(ctx, c)
		switch {
		case db.CodeOf(err) == db.CodeNotFound: // not even a tombstone is left
			s.remove(c)
			return events.Item{}, false, nil
		case err != nil:
			s.chats.enqueue(c)
			return events.Item{}, false, s.hub.pause(ctx, 1)
		case s.broken:
			return events.Item{}, false, nil
		}
	}
	item, ok, err := c.next(ctx)
	switch {
	case errors.Is(err, io.EOF) && c.removal != nil: // the viewer may be a member again, so that nobody tells them any more
		c.from = c.startAgain()
		s.current = nil
		s.chats.enqueue(c)
		return events.Item{}, false, nil
	case errors.Is(err, io.EOF), db.CodeOf(err) == db.CodeNotFound:
		s.remember(c.id, c.end())
		s.remove(c)
		return events.Item{}, false, nil
	case err != nil:
		return events.Item{}, false, err
	case !ok:
		s.idle(ctx, c)
		return events.Item{}, false, nil
	case item.Reset != nil && item.Reset.Reason == events.OtherEpoch:
		s.broken = true // the whole feed counts in that epoch
		return events.Item{}, false, nil
	case item.Reset != nil && item.Reset.Reason == events.Ahead:
		delete(s.due, c.id) // the log no longer has that number
	}
	s.delivered(c, item)
	item.Cursor = s.cursor()
	return item, true, nil
}

// delivered accounts for an item of the chat.
func (s *feedStream) delivered(c *feedChat, item events.Item) {
	s.current = c
	if len(c.batch) == 0 { // it is the turn of the others
		s.current = nil
		s.chats.enqueue(c)
	}
	if s.replays(c) {
		s.replayed(c, item)
	}
	s.progress(c)
}

// idle continues with another chat, because this one has nothing for now. In a replay, it may not have been read yet.
func (s *feedStream) idle(ctx context.Context, c *feedChat) {
	s.current = nil
	if s.replays(c) {
		if c.cursor.Seq < s.due[c.id] {
			s.wait(ctx)
			return
		}
		s.nextReplayed(c)
	}
	s.progress(c)
}

// remove removes a chat from the feed.
func (s *feedStream) remove(c *feedChat) {
	s.current = nil
	s.chats.remove(c)
	delete(s.due, c.id)
	if s.replays(c) {
		s.nextReplayed(c)
	}
	s.progress(c)
}

// Close implements Stream.
func (s *feedStream) Close() {
	s.close.Do(func() {
		close(s.closed)
		s.hub.removeFeed(s)
		s.chats.clear(true)
		s.depart()
	})
}
