package state

import (
	"context"
	"sync"

	"studychat/events"
)

// memoryBus is one instance's bus over a memoryRedis.
type memoryBus struct {
	redis *memoryRedis

	mu    sync.Mutex
	sink  events.Sink
	state events.State
}

func newMemoryBus(m *memoryRedis) *memoryBus { return &memoryBus{redis: m, state: m.reachable()} }

func (m *memoryRedis) reachable() events.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state == up {
		return events.Healthy
	}
	return events.Degraded
}

func (b *memoryBus) Start(_ context.Context, sink events.Sink) error {
	b.mu.Lock()
	b.sink = sink
	b.mu.Unlock()
	b.redis.mu.Lock()
	defer b.redis.mu.Unlock()
	b.redis.buses[b] = struct{}{}
	return nil
}

func (b *memoryBus) Stop() {
	b.redis.mu.Lock()
	delete(b.redis.buses, b)
	b.redis.mu.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sink = nil
}

func (b *memoryBus) Join(int)  {}
func (b *memoryBus) Leave(int) {}

func (b *memoryBus) State() events.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// find checks the connection: notifications may have been lost at every change.
func (b *memoryBus) find() {
	state := b.redis.reachable()
	b.mu.Lock()
	sink := b.sink
	b.state = state
	b.mu.Unlock()
	if sink != nil {
		sink.Gap(-1)
		sink.StateChanged(state)
	}
}

func (b *memoryBus) Publish(_ context.Context, notification events.Notification) {
	b.deliver(notification)
	if b.redis.reachable() != events.Healthy {
		return
	}
	b.redis.mu.Lock()
	others := make([]*memoryBus, 0, len(b.redis.buses))
	for other := range b.redis.buses {
		if other != b {
			others = append(others, other)
		}
	}
	b.redis.mu.Unlock()
	for _, other := range others {
		other.deliver(notification)
	}
}

func (b *memoryBus) deliver(notification events.Notification) {
	b.mu.Lock()
	sink := b.sink
	b.mu.Unlock()
	if sink != nil {
		sink.Notified(notification)
	}
}
