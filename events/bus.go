// Package events is the live path: the Bus that carries pokes between instances, the Hub that turns them into exact
// per-chat streams, the Publisher that pokes after every commit, and the Registry of who is connected.
//
// Nothing here is the truth: the database is. A poke is a hint that a chat's log has grown; whoever gets it, or finds
// out by sweeping the heads that it was lost, reads the log. That is why Redis may die at any moment.
package events

import (
	"context"
	"hash/fnv"
	"strings"
	"time"

	"studychat/db"
)

// Topic names what can be followed: one chat, or the feed of one user.
type Topic string

// ChatTopic is the topic of a chat's log.
func ChatTopic(chatID string) Topic { return Topic("c:" + chatID) }

// UserTopic is the topic of a user's feed; it is poked when the set of the user's chats grows.
func UserTopic(user string) Topic { return Topic("u:" + user) }

// Partitions is how many channels the topics are spread over. All instances must agree on it.
const Partitions = 64

// Partition is the channel that carries the topic's pokes.
func (t Topic) Partition() int {
	h := fnv.New32a()
	h.Write([]byte(t))
	return int(h.Sum32() % Partitions)
}

// chat returns the id of the chat that the topic is about, if it is about one.
func (t Topic) chat() (id string, ok bool) { return strings.CutPrefix(string(t), "c:") }

// user returns the user whose feed the topic is about, if it is about one.
func (t Topic) user() (user string, ok bool) { return strings.CutPrefix(string(t), "u:") }

// MaxInline is the largest encoded event, in bytes, that travels inside a poke; a larger one is read from the database
// by whoever wants it.
const MaxInline = 2048

// Poke says that a topic has news.
type Poke struct {
	Topic   Topic     `json:"t"`
	Epoch   int64     `json:"e,omitempty"`
	Seq     int64     `json:"s,omitempty"` // the log reaches at least this far; 0 for a user topic and a passing event
	Event   *db.Event `json:"v,omitempty"` // the event Seq itself, if it is small enough
	Passing *Passing  `json:"p,omitempty"` // a passing event instead
}

// PassingKind names a passing event.
type PassingKind string

// The passing events.
const (
	MessagesRead    PassingKind = "READ"
	TypingChanged   PassingKind = "TYPING"
	PresenceChanged PassingKind = "PRESENCE"
)

// Passing is an event that takes no number, is coalesced (the newest of a kind and user wins), may be dropped, and is
// never replayed.
type Passing struct {
	Kind    PassingKind `json:"k"`
	ChatID  string      `json:"c"`
	User    string      `json:"u"`
	At      time.Time   `json:"a"`
	ReadSeq int64       `json:"r,omitempty"` // MessagesRead
	On      bool        `json:"o,omitempty"` // TypingChanged: types; PresenceChanged: is online
}

// Bus carries pokes between instances. It promises little, on purpose:
//
//   - At most once, in any order, possibly doubled. A poke may be lost at any time, without an error.
//   - A poke reaches the sinks of this process before Publish returns, whatever happens to the network.
//   - Publish does not wait for the network and never fails a caller: losses are made good by sweeping.
//   - Whenever pokes of a partition may have been lost (a connection was rebuilt, a subscription confirmed again),
//     the sink is told by Gap.
//
// Implementations: NewMemoryBus (this process alone: always Degraded) and NewRedisBus.
type Bus interface {
	// Start connects the bus to its one sink and returns once the bus works or has found that it cannot for now.
	// Stop ends it; it waits for all goroutines and is idempotent.
	Start(ctx context.Context, sink Sink) error
	Stop()

	// Publish hands out a poke.
	Publish(ctx context.Context, poke Poke)

	// Join and Leave say which partitions this process wants pokes of. They are counted: a partition is left when it
	// was left as often as joined. Neither waits for the network.
	Join(partition int)
	Leave(partition int)

	// State says whether pokes of other instances can be expected.
	State() State
}

// Sink receives from a Bus. Its methods must not block, nor call the bus.
type Sink interface {
	// Poked delivers a poke.
	Poked(poke Poke)
	// Gap says that pokes of the partition may have been lost up to now; -1 means of all partitions.
	Gap(partition int)
	// StateChanged follows every change of Bus.State.
	StateChanged(state State)
}

// State is how well a Bus can reach other instances.
type State int

// The states.
const (
	Degraded State = iota // other instances are not heard: sweep often
	Healthy
)

func (s State) String() string {
	if s == Healthy {
		return "ok"
	}
	return "degraded"
}
