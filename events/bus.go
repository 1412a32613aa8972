// Package events is the live path: the Bus carries notifications between instances, the Hub turns them into exact streams
// of each chat, the Publisher announces every commit, and the Registry knows who is connected.
//
// The database has the truth. A notification is a hint that a chat's log has grown: its receiver reads the log. A lost
// notification is found by comparing the heads of the logs from time to time. That is why Redis may die at any moment.
package events

import "context"

// Bus carries notifications between instances. It promises little, on purpose:
//
//   - A notification arrives at most once in general, may be doubled or reordered, and may be lost without an error.
//   - A notification reaches the sink of this process before Publish returns, whatever happens to the network.
//   - Publish does not wait for the network and never fails. Sweeps of the hub make up for losses.
//   - Whenever notifications of a partition may have been lost (a connection was rebuilt, a subscription confirmed again),
//     the bus calls Gap on the sink.
//
// Implementations: NewMemoryBus (this process alone: always Degraded) and redisbus.New.
type Bus interface {
	// Start connects the bus to its one sink. It returns once the bus works or has found that it cannot for now.
	// Stop ends the bus and waits for all goroutines. It is idempotent.
	Start(ctx context.Context, sink Sink) error
	Stop()

	// Publish sends a notification to all instances that joined the partition of its topic, and to this process.
	Publish(ctx context.Context, notification Notification)

	// Join and Leave say which partitions this process wants notifications of. Calls are counted: a partition is left
	// when Leave was called as often as Join. Neither waits for the network.
	Join(partition int)
	Leave(partition int)

	// State says whether notifications of other instances can be expected.
	State() State
}

// Sink receives from a Bus. Its methods must not block, nor call the bus.
type Sink interface {
	// Notified delivers a notification.
	Notified(notification Notification)
	// Gap says that notifications of the partition may have been lost up to now; -1 means of all partitions.
	Gap(partition int)
	// StateChanged is called after every change of Bus.State.
	StateChanged(state State)
}

// State is how well a Bus can reach other instances.
type State int

// The states.
const (
	Degraded State = iota // notifications of other instances may not arrive: the hub sweeps often
	Healthy
)

func (s State) String() string {
	if s == Healthy {
		return "ok"
	}
	return "degraded"
}
