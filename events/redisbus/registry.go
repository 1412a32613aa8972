package redisbus

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
	"studychat/redisconn"
)

const (
	renewAgain      = 500 * time.Millisecond // after an entry could not be written or deleted
	registryChunk   = 500                    // entries written in one round trip
	maxOnlineUsers  = 1000                   // users whose feeds one question looks at; of more users, only connections to the chat count
	maxOnlineInChat = 2000                   // entries of one chat that are looked at
	maxOnlineInFeed = 100                    // the same for one feed, which has one entry per instance

	// entryTTL is how long an entry is kept without being written again. An entry counts while its instance lives, so this only bounds
	// how long killed instances occupy memory, and how long an entry is missed that Redis has evicted.
	entryTTL = time.Hour
)

// registry keeps the connections of this process in memory and shares them. In Redis there is
//
//   - one sorted set per topic, with one entry per user and instance ("<user>\x00<instance>"), whose score is the Unix time in
//     milliseconds until which it is kept. One entry represents all the user's connections to the instance, so a thousand tabs cost
//     as much as one;
//   - at each master the same sorted set of the instances, whose score is the time until which an instance counts as alive without
//     a heartbeat. An entry counts while its instance does, so that heartbeats need not write the entries.
//
// What exists under the name of an instance is never in doubt: when a write of an entry has failed, or may have, the instance takes
// another name, writes its entries under that, and gives the old one up.
//
// Instances compare scores, so scores are in the time of the database.
type registry struct {
	redis  redisconn.Handle
	now    func() time.Time
	log    *slog.Logger
	local  *events.MemoryRegistry
	self   names
	others atomic.Pointer[instances] // never nil
	failed chan struct{}             // an entry could not be written or deleted

	ttl, heartbeat, entryTTL time.Duration // ConnectionTTL, Heartbeat and entryTTL, except in tests

	cancel context.CancelFunc
	ctx    context.Context
	tasks  sync.WaitGroup
	once   sync.Once
}

// NewRegistry returns a registry that instances share through Redis. While Redis is down, it knows this process alone. now is a
// clock that all instances agree on. Stop does not close the client.
func NewRegistry(handle redisconn.Handle, now func() time.Time, log *slog.Logger) events.Registry {
	ctx, cancel := context.WithCancel(context.Background())
	r := &registry{
		redis: handle, now: now, log: log, local: events.NewMemoryRegistry(), self: names{process: newInstanceID()},
		failed: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
		ttl: events.ConnectionTTL, heartbeat: events.Heartbeat, entryTTL: entryTTL,
	}
	r.others.Store(&instances{})
	return r
}

func (r *registry) Start(context.Context) error {
	r.tasks.Go(func() { r.beatUntil(r.ctx) })
	return nil
}

func (r *registry) Stop() {
	r.once.Do(func() {
		r.cancel()
		r.tasks.Wait()
		if r.redis.Health.Down() {
			return // the instance expires
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.leave(ctx); err != nil {
			r.log.Debug("the registry's entries are left to expire", "error", err)
		}
	})
}

func (r *registry) Add(ctx context.Context, topic events.Topic, user string) (first bool) {
	return r.local.Add(ctx, topic, user) && !r.elsewhere(ctx, topic, user, r.putEntry)
}

func (r *registry) Remove(ctx context.Context, topic events.Topic, user string) (last bool) {
	if !r.local.Remove(ctx, topic, user) {
		return false
	}
	return !r.delete(ctx, topic, user) && !r.local.Has(topic, user)
}

// delete deletes the user's entry and reports whether another instance has one. If a connection was added meanwhile, the entry is
// written again.
func (r *registry) delete(ctx context.Context, topic events.Topic, user string) (elsewhere bool) {
	elsewhere = r.elsewhere(ctx, topic, user, r.deleteEntry)
	if r.local.Has(topic, user) {
		r.elsewhere(ctx, topic, user, r.putEntry)
	}
	return elsewhere
}

// elsewhere changes the user's entry and reports whether another instance has one.
func (r *registry) elsewhere(ctx context.Context, topic events.Topic, user string, change func(context.Context, redis.Pipeliner, string, string)) bool {
	key, name := r.key(topic), r.self.name()
	var found *redis.ZSliceCmd
	ok := r.ask(ctx, r.redis.Health.Try, func(ctx context.Context, pipe redis.Pipeliner) {
		if !r.self.announced(name) {
			r.announce(ctx, pipe, r.sets(ctx), name)
		}
		found = r.entries(ctx, pipe, key, maxOnlineInChat)
		change(ctx, pipe, key, member(user, name))
	})
	if !ok {
		if !r.redis.Health.Down() { // else all is written when Redis is back
			signal(r.failed)
		}
		return false
	}
	r.self.setAnnounced(name)
	for _, other := range r.living(ctx, found.Val())[0] {
		if other == user {
			return true
		}
	}
	return false
}

func (r *registry) putEntry(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZAdd(ctx, key, redis.Z{Score: float64(r.now().Add(r.entryTTL).UnixMilli()), Member: member})
	pipe.PExpire(ctx, key, r.entryTTL) // the newest entry lives no longer
}

func (r *registry) deleteEntry(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZRem(ctx, key, member)
}

// ask sends one pipeline, by Health.Do or Health.Try, and reports whether it was answered. While Redis is down, nothing is sent.
func (r *registry) ask(ctx context.Context, by func(context.Context, func(context.Context) error) error, fill func(context.Context, redis.Pipeliner)) bool {
	if r.redis.Health.Down() || r.ctx.Err() != nil { // streams also close after Stop
		return false
	}
	return by(ctx, func(ctx context.Context) error {
		_, err := r.redis.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			fill(ctx, pipe)
			return nil
		})
		return err
	}) == nil
}

// key names a topic's set.
func (r *registry) key(topic events.Topic) string { return r.redis.Names.Keys().Online(string(topic)) }

// member is an entry of a topic's set, and split takes it apart.
func member(user, instance string) string { return user + "\x00" + instance }

func split(member string) (user, instance string) {
	user, instance, _ = strings.Cut(member, "\x00")
	return user, instance
}
