package events

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisOptions tunes the Redis bus. The zero value is right.
type RedisOptions struct {
	Prefix string // of the channels; "sc1" if empty
}

// home is a partition, and a lane, that is joined whether somebody follows a chat in it or not: with nothing joined, the
// state would be a guess. It is the same one everywhere, since which pokes come unasked should not depend on luck.
const home = 0

// redisBus carries pokes over Redis Pub/Sub, over one lane or many (bus_redis_lane.go). A lane has
//
//   - a sender (bus_redis_send.go): one goroutine and a bounded queue, so that publishing costs a caller no round trip,
//     and what a process publishes to a partition leaves it in order;
//   - a session (bus_redis_session.go): one connection that receives, supervised by a probe.
//
// A single server, or the master that sentinels name, has one lane with plain channels. A Redis Cluster has a lane a partition
// with sharded channels, so that each message stays on one shard, and a shard that dies takes down its own lanes alone.
type redisBus struct {
	client   redis.UniversalClient
	sharded  bool
	prefix   string
	instance string
	log      *slog.Logger
	lanes    []*lane // 1, or Partitions

	sink    Sink
	started atomic.Bool     // sink is set
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	ready   chan struct{} // closed once the first session worked or failed
	once    sync.Once     // closes ready

	mu     sync.Mutex // held while the sink is told of a state, so that it is told in order
	joined [Partitions]int
	deaf   [Partitions]bool // lanes whose last session failed, and the first until it works

	state   atomic.Int32 // a State
	ignored atomic.Int64 // messages that could not be read
}

// NewRedisBus returns a bus over Redis Pub/Sub; with a *redis.ClusterClient it is sharded, which takes Redis 7 and must be
// the same for all instances. Stop does not close the client, which should have short timeouts (dialling, reading
// and writing in a second at most): they bound how long a dead Redis holds up Stop and the return.
func NewRedisBus(client redis.UniversalClient, opts RedisOptions, log *slog.Logger) Bus {
	if opts.Prefix == "" {
		opts.Prefix = "sc1"
	}
	ctx, cancel := context.WithCancel(context.Background())
	b := &redisBus{
		client: client, prefix: opts.Prefix, instance: newInstanceID(), log: log,
		ctx: ctx, cancel: cancel, ready: make(chan struct{}),
	}
	_, b.sharded = client.(*redis.ClusterClient)
	b.lanes = newLanes(b)
	b.deaf[home] = true
	return b
}

func (b *redisBus) Start(ctx context.Context, sink Sink) error {
	b.sink = sink
	b.started.Store(true)
	b.Join(home)
	for _, l := range b.lanes {
		b.tasks.Go(func() { l.receiveForEver(b.ctx) })
		b.tasks.Go(func() { l.sendForEver(b.ctx) })
	}
	select {
	case <-b.ready:
	case <-time.After(probeTimeout):
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (b *redisBus) Stop() {
	b.cancel()
	b.tasks.Wait()
	b.state.Store(int32(Degraded))
}

// Publish delivers here and now, and leaves the rest of the world to the sender.
func (b *redisBus) Publish(_ context.Context, poke Poke) {
	if !b.started.Load() || b.ctx.Err() != nil {
		return
	}
	b.sink.Poked(poke)
	b.lane(poke.Topic.Partition()).enqueue(poke)
}

func (b *redisBus) State() State { return State(b.state.Load()) }

func (b *redisBus) Join(partition int)  { b.count(partition, +1) }
func (b *redisBus) Leave(partition int) { b.count(partition, -1) }

func (b *redisBus) count(partition, by int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	before := b.joined[partition]
	b.joined[partition] += by
	if (before == 0) != (b.joined[partition] == 0) {
		signal(b.lane(partition).changed)
		b.judge()
	}
}

// heard notes whether a lane receives.
func (b *redisBus) heard(l *lane, works bool) {
	b.mu.Lock()
	b.deaf[l.number] = !works
	b.judge()
	b.mu.Unlock()
	if l.number == home {
		b.once.Do(func() { close(b.ready) })
	}
}

// judge finds the state: one joined partition that is not heard makes it Degraded. b.mu is held.
func (b *redisBus) judge() {
	if !b.started.Load() || b.ctx.Err() != nil {
		return
	}
	state := Healthy
	for p, n := range b.joined {
		if n > 0 && b.deaf[b.lane(p).number] {
			state = Degraded
		}
	}
	if State(b.state.Swap(int32(state))) == state {
		return
	}
	if state == Healthy {
		b.log.Info("Redis Pub/Sub works: events of other instances arrive at once")
		b.sink.Gap(-1)
	} else {
		b.log.Warn("Redis Pub/Sub does not work: events of other instances arrive by sweeping")
	}
	b.sink.StateChanged(state)
}

// lane returns the one that carries the partition.
func (b *redisBus) lane(partition int) *lane { return b.lanes[partition%len(b.lanes)] }

// channel is the name of a partition's channel. The number is a hash tag, so that a cluster spreads the channels.
func (b *redisBus) channel(partition int) string {
	return fmt.Sprintf("%s:p{%02d}", b.prefix, partition)
}

// partition reads what channel wrote.
func (b *redisBus) partition(channel string) (int, bool) {
	number, ok := strings.CutPrefix(strings.TrimSuffix(channel, "}"), b.prefix+":p{")
	p, err := strconv.Atoi(number)
	return p, ok && err == nil && p >= 0 && p < Partitions
}

// signal wakes whoever waits on the channel, of size one; if it is full they will wake anyway.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
