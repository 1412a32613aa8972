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

// redisBus carries pokes over Redis Pub/Sub. Three parts, each a file:
//
//   - the sender (bus_redis_send.go): one goroutine and a bounded queue, so that publishing costs a caller no round trip,
//     and what a process publishes leaves it in order;
//   - the session (bus_redis_session.go): one connection that receives, supervised by a probe;
//   - this file: what is joined, and the state.
//
// The channels are plain ones. A Redis Cluster carries those to all its nodes; sharded channels (SSUBSCRIBE, a PubSub a
// partition) would be another session, and the channel names have their hash tags already.
type redisBus struct {
	client   redis.UniversalClient
	prefix   string
	instance string
	log      *slog.Logger

	sink    Sink
	started atomic.Bool     // sink is set
	ctx     context.Context // ends with Stop
	cancel  context.CancelFunc
	tasks   sync.WaitGroup
	ready   chan struct{} // closed once the first session worked or failed
	once    sync.Once     // closes ready

	mu      sync.Mutex
	joined  [Partitions]int // how often
	changed chan struct{}   // joined did

	state   atomic.Int32 // a State
	ignored atomic.Int64 // messages that could not be read

	queue     chan Poke
	probes    chan struct{} // asks for a probe at once
	token     atomic.Int64  // of the session under way: what its probes carry
	unsending atomic.Bool   // the last send failed: drop rather than queue
	missed    atomic.Uint64 // partitions with pokes that were never sent, a bit each
}

// NewRedisBus returns a bus over Redis Pub/Sub. Stop does not close the client, which should have short timeouts
// (dialling, reading and writing in a second at most): they bound how long a dead Redis holds up Stop and the return.
func NewRedisBus(client redis.UniversalClient, opts RedisOptions, log *slog.Logger) Bus {
	if opts.Prefix == "" {
		opts.Prefix = "sc1"
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &redisBus{
		client: client, prefix: opts.Prefix, instance: newInstanceID(), log: log,
		ctx: ctx, cancel: cancel, ready: make(chan struct{}),
		changed: make(chan struct{}, 1),
		queue:   make(chan Poke, sendQueue), probes: make(chan struct{}, 1),
	}
}

func (b *redisBus) Start(ctx context.Context, sink Sink) error {
	b.sink = sink
	b.started.Store(true)
	b.tasks.Go(func() { b.receiveForEver(b.ctx) })
	b.tasks.Go(func() { b.sendForEver(b.ctx) })
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
	b.enqueue(poke)
}

func (b *redisBus) State() State { return State(b.state.Load()) }

func (b *redisBus) Join(partition int)  { b.count(partition, +1) }
func (b *redisBus) Leave(partition int) { b.count(partition, -1) }

func (b *redisBus) count(partition, by int) {
	b.mu.Lock()
	before := b.joined[partition]
	b.joined[partition] += by
	after := b.joined[partition]
	b.mu.Unlock()
	if (before == 0) != (after == 0) {
		signal(b.changed)
	}
}

// wanted returns the partitions that are joined, a bit each.
func (b *redisBus) wanted() (partitions uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for p, n := range b.joined {
		if n > 0 {
			partitions |= 1 << p
		}
	}
	return partitions
}

func (b *redisBus) setState(state State) {
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

// channel is the name of a partition's channel. The number is a hash tag, so that a cluster can spread the channels.
func (b *redisBus) channel(partition int) string {
	return fmt.Sprintf("%s:p{%02d}", b.prefix, partition)
}

// partition reads what channel wrote.
func (b *redisBus) partition(channel string) (int, bool) {
	number, ok := strings.CutPrefix(strings.TrimSuffix(channel, "}"), b.prefix+":p{")
	p, err := strconv.Atoi(number)
	return p, ok && err == nil && p >= 0 && p < Partitions
}

// ownChannel is where this instance sends probes to itself.
func (b *redisBus) ownChannel() string { return b.prefix + ":i:" + b.instance }

// signal wakes whoever waits on the channel, of size one; if it is full they will wake anyway.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
