package events

import (
	"context"
	"io"
	"sync"

	"studychat/db"
)

// chatStream is the Stream of one chat's log.
type chatStream struct {
	hub      *Hub
	follower *follower
	started  *Item         // comes first
	news     chan struct{} // the follower was woken
	closed   chan struct{}
	close    sync.Once
	depart   func() // takes the presence back
}

// Chat follows one chat from just after the cursor, or from now. Errors: NOT_FOUND for those who are no member,
// UNAVAILABLE, ErrStopped.
//
// The follower is registered first and the head is read after that: what is committed in between is either in the
// head or comes as news. (The other way round, it would be in neither.)
func (h *Hub) Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (Stream, error) {
	if h.ctx.Err() != nil {
		return nil, ErrStopped
	}
	s := &chatStream{hub: h, news: make(chan struct{}, 1), closed: make(chan struct{}), depart: func() {}}
	s.follower = h.follow(viewer, chatID, s.wake)
	head, err := s.follower.head(ctx)
	if err == nil && after == nil && head.DeletedAt != nil {
		err = db.NotFound("chat") // there is nothing to come; the end is for those who hold a cursor
	}
	if err != nil {
		s.follower.leave()
		return nil, err
	}
	s.begin(after, head)
	s.depart = h.arrive(ctx, ChatTopic(chatID), viewer, []string{chatID}, func(ctx context.Context) ([]string, error) {
		return h.memberOf(ctx, viewer, chatID)
	})
	s.follower.skipPassing() // the viewer's own arrival is no news to them
	return s, nil
}

// begin places the follower and says where.
func (s *chatStream) begin(after *db.Cursor, head db.Head) {
	from := live(head)
	if after != nil {
		from = *after
	}
	s.follower.place(from, head)
	resumed := after != nil && s.follower.pending == nil
	s.started = &Item{Cursor: from.String(), At: s.hub.repo.Now(), Started: &Started{ChatID: head.ChatID, Resumed: resumed}}
}

func (s *chatStream) wake() {
	select {
	case s.news <- struct{}{}:
	default: // it will look anyway
	}
}

func (s *chatStream) Next(ctx context.Context) (Item, error) {
	for {
		select { // first, so that a stream which always has news ends too
		case <-s.closed:
			return Item{}, io.EOF
		case <-s.hub.ctx.Done():
			return Item{}, ErrStopped
		case <-ctx.Done():
			return Item{}, ctx.Err()
		default:
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

func (s *chatStream) Close() {
	s.close.Do(func() {
		close(s.closed)
		s.follower.leave()
		s.depart()
	})
}
