package hub

import (
	"context"
	"io"
	"sync"

	"studychat/db"
	"studychat/events"
)

// chatStream is the Stream of one chat's log. While it is in a group (stream_shared.go), it is only these fields: thousands of quiet
// streams should cost little.
type chatStream struct {
	hub      *Hub
	follower *follower    // used by the goroutine that calls Next, or under mu while the stream is in a group
	started  *events.Item // comes first

	mu     sync.Mutex // after the topic's lock; held while a batch is offered
	closed bool
	woken  bool          // there may be news
	news   chan struct{} // wakes Next; nil until it waits for the first time
	seat                 // its place in a group
	seen                 // for Place
}

// Chat follows one chat from just after the cursor, or from now. Errors: NOT_FOUND for viewers who are not members, UNAVAILABLE,
// ErrStopped.
//
// The follower is registered before the head is read: an event that is committed in between is either in the head or comes as
// news. (In the other order, it would be in neither.)
func (h *Hub) Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error) {
	if h.ctx.Err() != nil {
		return nil, events.ErrStopped
	}
	s := &chatStream{hub: h}
	s.follower = newFollower(h, viewer, chatID, false, s.wake)
	head, err := s.follower.readHead(ctx)
	if err == nil && after == nil && head.DeletedAt != nil {
		err = db.NotFound("chat") // nothing will come; only a client with a cursor gets the end
	}
	if err != nil {
		s.follower.leave()
		return nil, err
	}
	s.begin(after, head)
	h.arrive(ctx, events.ChatTopic(chatID), viewer, []string{chatID})
	s.follower.skipEphemeral() // the viewer's own arrival is not news to them
	return s, nil
}

// begin starts the follower, and prepares the item that says where.
func (s *chatStream) begin(after *db.Cursor, head db.Head) {
	from := live(head)
	if after != nil {
		from = *after
	}
	from.ChatID = s.follower.topic.chatID // the same text: one copy for all followers
	s.follower.startAt(from, head)
	resumed := after != nil && s.follower.pending == nil
	s.started = &events.Item{Cursor: from.String(), At: s.hub.repo.Now(), Started: &events.Started{ChatID: head.ChatID, Resumed: resumed}}
}

// Next implements Stream.
func (s *chatStream) Next(ctx context.Context) (events.Item, error) {
	for {
		if s.isClosed() { // first, so that a stream which always has news ends too
			return events.Item{}, io.EOF
		}
		if err := s.hub.gone(ctx); err != nil {
			return events.Item{}, err
		}
		if item := s.started; item != nil {
			s.started = nil
			return *item, nil
		}
		item, ok, err := s.follower.next(ctx)
		if ok || err != nil {
			return item, err
		}
		s.wait(ctx)
	}
}

// wait waits for news or the end.
func (s *chatStream) wait(ctx context.Context) {
	s.mu.Lock()
	woken := s.woken || s.closed
	s.woken = false
	if s.news == nil {
		s.news = make(chan struct{}, 1)
	}
	news := s.news
	s.mu.Unlock()
	if woken {
		return
	}
	select {
	case <-news:
	case <-s.hub.ctx.Done():
	case <-ctx.Done():
	}
}

func (s *chatStream) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.woken = true
	if s.news != nil {
		signal(s.news)
	}
}

// isClosed is for Next, which passes here before each item.
func (s *chatStream) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeLocked()
	return s.closed
}

// depart ends the presence.
func (s *chatStream) depart() {
	viewer, chatID := s.follower.viewer, s.follower.topic.chatID
	s.hub.depart(events.ChatTopic(chatID), viewer, func(ctx context.Context) ([]string, error) {
		head, err := s.hub.repo.Head(ctx, viewer, chatID)
		if err != nil || head.DeletedAt != nil {
			return nil, err
		}
		return []string{chatID}, nil
	})
}

// Close implements Stream.
func (s *chatStream) Close() {
	if s.end() {
		s.depart()
	}
}

// Leave implements events.Shared.
func (s *chatStream) Leave() {
	if s.end() {
		s.hub.later(s.depart)
	}
}

// end is true for the first end of the stream. It waits until a batch that is being offered was taken or refused.
func (s *chatStream) end() bool {
	s.mu.Lock()
	first := !s.closed
	s.closed = true
	if s.news != nil {
		signal(s.news)
	}
	s.mu.Unlock()
	if first {
		s.leaveGroup()
		s.follower.leave()
	}
	return first
}
