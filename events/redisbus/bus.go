// Package redisbus is the live path over Redis: a Bus over Pub/Sub, and a Registry in sorted sets. Both keep the contracts of
// package events while Redis fails, and recover by themselves.
package redisbus

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
	"studychat/redisconn"
)

// Every partition has a channel: this does not compile otherwise.
var _ [events.Partitions]struct{} = [redisconn.Partitions]struct{}{}

// alwaysJoined is a partition, and a shard, that is always subscribed, so that the state of the bus is known. It is the same one
// on every instance, for determinism.
const alwaysJoined = 0

// bus carries notifications over Redis Pub/Sub, over one shard or many (shard.go). A shard has
//
//   - a sender (send.go): one goroutine and a bounded queue, so that publishing costs a caller no round trip, and what a
//     process publishes to a partition leaves it in order;
//   - a session (session.go): one connection that receives, supervised by a probe.
//
// A single server, or the master that sentinels name, has one shard with plain channels. A Redis Cluster has one shard per
// partition, with sharded channels: each message stays on one node, and a node that dies affects its own shards alone.
type bus struct {
	redis    redisconn.Handle
	sharded  bool
	instance string
	log      *slog.Logger
	shards   []*shard // 1, or events.Partitions

	sink    events.Sink
	started atomic.Bool     // sink is set
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	ready   chan struct{} // closed once the first session worked or failed
	once    sync.Once     // closes ready

	mu        sync.Mutex // held while the sink is told of a state, so that states arrive in order
	joined    [events.Partitions]int
	unhealthy [events.Partitions]bool // shards whose last session or send failed, and the first until it works
	cause     atomic.Pointer[string]  // why, in few words; nil while all shards work

	state   atomic.Int32 // an events.State
	ignored atomic.Int64 // messages that could not be read
}

// New returns a bus over Redis Pub/Sub. With a *redis.ClusterClient it uses sharded channels, which need Redis 7 and must be the
// same for all instances. Stop does not close the client. The client should have short timeouts (at most one second to dial, read
// and write): they bound how long a dead Redis delays Stop and the recovery.
//
// The state of the bus is a part of the Health: probes that come back show more than a PING does.
func New(handle redisconn.Handle, log *slog.Logger) events.Bus {
	ctx, cancel := context.WithCancel(context.Background())
	b := &bus{
		redis: handle, instance: newInstanceID(), log: log,
		ctx: ctx, cancel: cancel, ready: make(chan struct{}),
	}
	_, b.sharded = handle.Client.(*redis.ClusterClient)
	b.shards = newShards(b)
	b.unhealthy[alwaysJoined] = true
	handle.Health.AddPart(b.trouble)
	return b
}

func (b *bus) Start(ctx context.Context, sink events.Sink) error {
	b.sink = sink
	b.started.Store(true)
	b.Join(alwaysJoined)
	for _, s := range b.shards {
		b.tasks.Go(func() { s.receiveUntil(b.ctx) })
		b.tasks.Go(func() { s.sendUntil(b.ctx) })
	}
	select {
	case <-b.ready:
	case <-time.After(probeTimeout):
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (b *bus) Stop() {
	b.cancel()
	b.tasks.Wait()
	b.state.Store(int32(events.Degraded))
}

// Publish delivers to this process at once, and leaves the other instances to the sender.
func (b *bus) Publish(_ context.Context, notification events.Notification) {
	if !b.started.Load() || b.ctx.Err() != nil {
		return
	}
	b.sink.Notified(notification)
	b.shard(notification.Topic.Partition()).enqueue(notification)
}

func (b *bus) State() events.State { return events.State(b.state.Load()) }

func (b *bus) Join(partition int)  { b.count(partition, +1) }
func (b *bus) Leave(partition int) { b.count(partition, -1) }

func (b *bus) count(partition, by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.joined[partition]
	b.joined[partition] += by
	if (before == 0) != (b.joined[partition] == 0) {
		signal(b.shard(partition).changed)
		b.updateState()
	}
}

// shard returns the shard that carries the partition.
func (b *bus) shard(partition int) *shard { return b.shards[partition%len(b.shards)] }

// signal wakes the reader of a channel of size one. If the channel is full, the reader will wake anyway.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
