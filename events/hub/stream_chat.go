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

// openChat is Hub.Chat.
//
// The follower is registered before the head is read: an event that is committed in between is either in the head or comes as
// news. (In the other order, it would be in neither.)
func openChat(ctx context.Context, h *Hub, viewer, chatID string, after *db.Cursor) (events.Stream, error) {
	if h.ctx.Err() != nil {
		return nil, events.ErrStopped
	}
	s := &chatStream{hub: h, news: make(chan struct{}, 1), closed: make(chan struct{}), depart: func() {}}
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
	s.depart = h.presence.arrive(ctx, events.ChatTopic(chatID), viewer, []string{chatID}, func(ctx context.Context) ([]string, error) {
		return h.presence.memberOf(ctx, viewer, chatID)
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

func (s *chatStream) wake() {
	select {
	case s.news <- struct{}{}:
	default: // Next will look anyway
	}
}

// Next implements Stream.
func (s *chatStream) Next(ctx context.Context) (events.Item, error) {
	for {
		select { // first, so that a stream which always has news ends too
		case <-s.closed:
			return events.Item{}, io.EOF
		case <-s.hub.ctx.Done():
			return events.Item{}, events.ErrStopped
		case <-ctx.Done():
			return events.Item{}, ctx.Err()
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

// Close implements Stream.
func (s *chatStream) Close() {
	s.close.Do(func() {
		close(s.closed)
		s.follower.leave()
		s.depart()
	})
}
