package state

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub"
)

// groupedHub serves about half of the streams of chats in groups, as package graph serves subscriptions.
type groupedHub struct{ *hub.Hub }

func realHub(repo db.Repository, bus events.Bus, log *slog.Logger) streams {
	return groupedHub{hub.New(repo, bus, events.NewMemoryRegistry(), log)}
}

func (h groupedHub) Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error) {
	s, err := h.Hub.Chat(ctx, viewer, chatID, after)
	shared, ok := s.(events.Shared)
	if err != nil || !ok || rand.N(2) == 0 {
		return s, err
	}
	return &groupedStream{Shared: shared, news: make(chan struct{}, 1)}, nil
}

// groupedQueue is how many items wait for a slow subscriber, as in the outbox of a connection.
const groupedQueue = 4

// groupedStream is a subscriber's end of a stream that joins its group whenever it can. Next takes what was offered.
type groupedStream struct {
	events.Shared

	mu      sync.Mutex
	queue   []events.Item
	grouped bool
	news    chan struct{}
}

// Next implements events.Stream.
func (s *groupedStream) Next(ctx context.Context) (events.Item, error) {
	for {
		if item, ok := s.pop(); ok {
			return item, nil
		}
		if !s.join() {
			return s.Shared.Next(ctx)
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return events.Item{}, ctx.Err()
		}
	}
}

func (s *groupedStream) pop() (item events.Item, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return events.Item{}, false
	}
	item, s.queue = s.queue[0], s.queue[1:]
	return item, true
}

// join says whether the stream is in its group.
func (s *groupedStream) join() bool {
	s.mu.Lock()
	grouped := s.grouped
	s.grouped = true // before Join, since the stream may be resumed at once
	s.mu.Unlock()
	if grouped || s.Join(everybody{}, s) {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grouped = false
	return false
}

// Offer implements events.Member.
func (s *groupedStream) Offer(batch any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	items, _ := batch.([]events.Item)
	if len(s.queue) > 0 && len(s.queue)+len(items) > groupedQueue {
		return false
	}
	s.queue = append(s.queue, items...)
	s.wake()
	return true
}

// Resume implements events.Member.
func (s *groupedStream) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grouped = false
	s.wake()
}

func (s *groupedStream) wake() {
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// everybody is shown the same.
type everybody struct{}

func (everybody) Key() any { return everybody{} }

func (everybody) Render(_ context.Context, items []events.Item) (any, int) {
	return append([]events.Item(nil), items...), len(items)
}
