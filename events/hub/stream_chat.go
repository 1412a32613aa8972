package hub

import (
	"context"
	"io"
	"sync"

	"studychat/db"
	"studychat/events"
)

// chatStream is the Stream of one chat's log.
type chatStream struct {
	hub      *Hub
	follower *follower
	started  *events.Item  // comes first
	news     chan struct{} // the follower was woken
	closed   chan struct{}
	close    sync.Once
	depart   func() // ends the presence
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
	s := &chatStream{hub: h, news: make(chan struct{}, 1), closed: make(chan struct{}), depart: func() {}}
	s.follower = newFollower(h, viewer, chatID, false, func() { signal(s.news) })
	head, err := s.follower.readHead(ctx)
	if err == nil && after == nil && head.DeletedAt != nil {
		err = db.NotFound("chat") // nothing will come; only a client with a cursor gets the end
	}
	if err != nil {
		s.follower.leave()
		return nil, err
	}
	s.begin(after, head)
	s.depart = h.arrive(ctx, events.ChatTopic(chatID), viewer, []string{chatID}, func(ctx context.Context) ([]string, error) {
		head, err := h.repo.Head(ctx, viewer, chatID)
		if err != nil || head.DeletedAt != nil {
			return nil, err
		}
		return []string{chatID}, nil
	})
	s.follower.skipEphemeral() // the viewer's own arrival is not news to them
	return s, nil
}

// begin starts the follower, and prepares the item that says where.
func (s *chatStream) begin(after *db.Cursor, head db.Head) {
	from := live(head)
	if after != nil {
		from = *after
	}
	s.follower.startAt(from, head)
	resumed := after != nil && s.follower.pending == nil
	s.started = &events.Item{Cursor: from.String(), At: s.hub.repo.Now(), Started: &events.Started{ChatID: head.ChatID, Resumed: resumed}}
}

// Next implements Stream.
func (s *chatStream) Next(ctx context.Context) (events.Item, error) {
	for {
		select { // first, so that a stream which always has news ends too
		case <-s.closed:
			return events.Item{}, io.EOF
		default:
			if err := s.hub.gone(ctx); err != nil {
				return events.Item{}, err
			}
		}
		if item := s.started; item != nil {
			s.started = nil
			return *item, nil
		}
		item, ok, err := s.follower.next(ctx)
		if ok || err != nil {
			return item, err
		}
		select {
		case <-s.news:
		case <-s.closed:
		case <-s.hub.ctx.Done():
		case <-ctx.Done():
		}
	}
}

// Close implements Stream.
func (s *chatStream) Close() {
	s.close.Do(func() {
		close(s.closed)
		s.follower.leave()
		s.depart()
	})
}
