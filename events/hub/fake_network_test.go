package hub

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"studychat/events"
)

// network connects the buses of several hubs in one test and does to notifications what networks do. It is made for
// testing/synctest: a delayed notification waits on the bubble's clock.
type network struct {
	mu     sync.Mutex
	random *rand.Rand
	buses  []*networkBus
	tasks  sync.WaitGroup

	lose, double, delay float64 // probabilities
	bare                float64 // of a notification that travels without its event
}

// networkBus is one hub's end of the network.
type networkBus struct {
	net   *network
	mu    sync.Mutex
	sink  events.Sink
	state events.State
}

func (n *network) bus(state events.State) *networkBus {
	b := &networkBus{net: n, state: state}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.buses = append(n.buses, b)
	return b
}

func (b *networkBus) Start(_ context.Context, sink events.Sink) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sink = sink
	return nil
}

func (b *networkBus) Stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sink = nil
}

func (b *networkBus) Join(int)  {}
func (b *networkBus) Leave(int) {}

func (b *networkBus) State() events.State {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.state
}

// become changes the state, as a bus does that finds out about its connection.
func (b *networkBus) become(state events.State) {
	b.mu.Lock()
	b.state = state
	sink := b.sink
	b.mu.Unlock()
	sink.Gap(-1)
	sink.StateChanged(state)
}

func (b *networkBus) notification(notification events.Notification) {
	b.mu.Lock()
	sink := b.sink
	b.mu.Unlock()
	if sink != nil {
		sink.Notified(notification)
	}
}

func (b *networkBus) Publish(_ context.Context, notification events.Notification) {
	b.notification(notification)
	n := b.net
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, other := range n.buses {
		if other == b {
			continue
		}
		copies := 1
		switch p := n.random.Float64(); {
		case p < n.lose:
			copies = 0
		case p < n.lose+n.double:
			copies = 2
		}
		for range copies {
			n.deliver(other, notification)
		}
	}
}

// deliver hands over the notification, later perhaps. Call it with n.mu held.
func (n *network) deliver(to *networkBus, notification events.Notification) {
	if n.random.Float64() < n.bare {
		notification.Event = nil
	}
	late := time.Duration(0)
	if n.random.Float64() < n.delay {
		late = rand.N(400 * time.Millisecond)
	}
	n.tasks.Go(func() {
		sleep(late)
		to.notification(notification)
	})
}
