package redisbus

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/events"
	"studychat/redisconn"
)

const (
	renewAgain      = 500 * time.Millisecond // after an entry could not be written
	registryChunk   = 500                    // entries renewed in one round trip
	maxOnlineUsers  = 1000                   // users whose feeds one question looks at; of more users, only connections to the chat count
	maxOnlineInChat = 2000                   // entries of one chat that are looked at
)

// registry keeps the connections of this process in memory and shares them: one sorted set per topic, in it one entry per user and
// instance ("<user>\x00<instance>"), whose score is the Unix time in milliseconds when it expires. One entry represents all the
// user's connections to the instance, so a thousand tabs cost as much as one.
//
// Instances compare scores, so scores are in the time of the database.
type registry struct {
	redis    redisconn.Handle
	instance string
	now      func() time.Time
	log      *slog.Logger
	local    *events.MemoryRegistry
	failed   chan struct{} // an entry could not be written

	ttl, heartbeat time.Duration // ConnectionTTL and Heartbeat, except in tests

	cancel context.CancelFunc
	ctx    context.Context
	tasks  sync.WaitGroup
	once   sync.Once
}

// NewRegistry returns a registry that instances share through Redis. While Redis is down, it knows this process alone. now is a
// clock that all instances agree on. Stop does not close the client.
func NewRegistry(handle redisconn.Handle, now func() time.Time, log *slog.Logger) events.Registry {
	ctx, cancel := context.WithCancel(context.Background())
	return &registry{
		redis: handle, instance: newInstanceID(), now: now, log: log, local: events.NewMemoryRegistry(),
		failed: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
		ttl: events.ConnectionTTL, heartbeat: events.Heartbeat,
	}
}

func (r *registry) Start(context.Context) error {
	r.tasks.Go(func() { r.renewUntil(r.ctx) })
	return nil
}

func (r *registry) Stop() {
	r.once.Do(func() {
		r.cancel()
		r.tasks.Wait()
		if r.redis.Health.Down() {
			return // the entries expire
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.each(ctx, r.deleteEntry); err != nil {
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
	last = !r.elsewhere(ctx, topic, user, r.deleteEntry)
	if r.local.Has(topic, user) { // a connection was added while the entry was deleted
		r.elsewhere(ctx, topic, user, r.putEntry)
		return false
	}
	return last
}

// elsewhere changes the user's entry and reports whether another instance has one.
func (r *registry) elsewhere(ctx context.Context, topic events.Topic, user string, change func(context.Context, redis.Pipeliner, string, string)) bool {
	key, own := r.key(topic), r.member(user)
	var found *redis.StringSliceCmd
	ok := r.ask(ctx, r.redis.Health.Try, func(ctx context.Context, pipe redis.Pipeliner) {
		found = r.alive(ctx, pipe, key)
		change(ctx, pipe, key, own)
	})
	if !ok {
		if !r.redis.Health.Down() { // else it is written when Redis is back
			signal(r.failed)
		}
		return false
	}
	return slices.ContainsFunc(found.Val(), func(member string) bool { return userOf(member) == user && member != own })
}

func (r *registry) putEntry(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZAdd(ctx, key, redis.Z{Score: float64(r.now().Add(r.ttl).UnixMilli()), Member: member})
	pipe.PExpire(ctx, key, 2*r.ttl) // for a topic that no instance renews
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

func (r *registry) member(user string) string { return user + "\x00" + r.instance }

func userOf(member string) string {
	user, _, _ := strings.Cut(member, "\x00")
	return user
}

func (r *registry) fromNow() string { return strconv.FormatInt(r.now().UnixMilli(), 10) }
