package redisbus

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
	"studychat/redisconn"
)

const (
	registryTimeout = 100 * time.Millisecond // the longest wait of a caller; after a failure Redis is not asked
	registryRevive  = 500 * time.Millisecond // between attempts to reach Redis again
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
	client   redis.UniversalClient
	names    *redisconn.Namespace
	instance string
	now      func() time.Time
	log      *slog.Logger
	local    *events.MemoryRegistry
	down     atomic.Bool   // Redis failed: rely on local until it is back
	warned   atomic.Bool   // of that
	wake     chan struct{} // down was set

	ttl, heartbeat time.Duration // ConnectionTTL and Heartbeat, except in tests

	cancel context.CancelFunc
	ctx    context.Context
	tasks  sync.WaitGroup
	once   sync.Once
}

// NewRegistry returns a registry that instances share through Redis. After Redis has failed, the registry does not ask it until
// it answers again. now is a clock that all instances agree on. Stop does not close the client.
func NewRegistry(client redis.UniversalClient, names *redisconn.Namespace, now func() time.Time, log *slog.Logger) events.Registry {
	ctx, cancel := context.WithCancel(context.Background())
	return &registry{
		client: client, names: names, instance: newInstanceID(), now: now, log: log, local: events.NewMemoryRegistry(),
		wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
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
		if r.down.Load() {
			return // the entries expire
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := r.each(ctx, r.deleteEntry); err != nil {
			r.log.Debug("the registry's entries are left to expire", "error", err)
		}
	})
}

func (r *registry) Add(ctx context.Context, topic events.Topic, user string) (bool, func(context.Context) bool) {
	first, removeLocal := r.local.Add(ctx, topic, user)
	if first {
		first = !r.elsewhere(ctx, topic, user, r.putEntry)
	}
	return first, func(ctx context.Context) bool {
		last := removeLocal(ctx)
		if !last {
			return false
		}
		last = !r.elsewhere(ctx, topic, user, r.deleteEntry)
		if r.local.Has(topic, user) { // a connection was added while the entry was deleted
			r.elsewhere(ctx, topic, user, r.putEntry)
			return false
		}
		return last
	}
}

// elsewhere changes the user's entry and reports whether another instance has one.
func (r *registry) elsewhere(ctx context.Context, topic events.Topic, user string, change func(context.Context, redis.Pipeliner, string, string)) bool {
	var found *redis.StringSliceCmd
	ok := r.ask(ctx, func(ctx context.Context, pipe redis.Pipeliner, key keyOf) {
		found = r.alive(ctx, pipe, key(topic))
		change(ctx, pipe, key(topic), r.member(user))
	})
	if !ok {
		return false
	}
	for _, member := range found.Val() {
		if name, instance := splitMember(member); name == user && instance != r.instance {
			return true
		}
	}
	return false
}

func (r *registry) putEntry(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZAdd(ctx, key, redis.Z{Score: float64(r.now().Add(r.ttl).UnixMilli()), Member: member})
	pipe.PExpire(ctx, key, 2*r.ttl) // for a topic that no instance renews
}

func (r *registry) deleteEntry(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZRem(ctx, key, member)
}

func (r *registry) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	shared := map[events.Connection]bool{}
	inChats, inFeeds := map[events.Topic]*redis.StringSliceCmd{}, map[string]*redis.IntCmd{}
	ok := r.ask(ctx, func(ctx context.Context, pipe redis.Pipeliner, key keyOf) {
		for _, chat := range chats {
			topic := events.ChatTopic(chat.ID)
			inChats[topic] = r.alive(ctx, pipe, key(topic))
			for _, m := range chat.Members {
				if inFeeds[m.UserID] == nil && len(inFeeds) < maxOnlineUsers {
					inFeeds[m.UserID] = pipe.ZCount(ctx, key(events.UserTopic(m.UserID)), r.fromNow(), "+inf")
				}
			}
		}
	})
	if ok {
		for topic, found := range inChats {
			for _, member := range found.Val() {
				user, _ := splitMember(member)
				shared[events.Connection{Topic: topic, User: user}] = true
			}
		}
		for user, found := range inFeeds {
			shared[events.Connection{Topic: events.UserTopic(user), User: user}] = found.Val() > 0
		}
	}
	return events.OnlineMembers(chats, func(topic events.Topic, user string) bool {
		return r.local.Has(topic, user) || shared[events.Connection{Topic: topic, User: user}]
	}), nil
}

// keyOf returns the key of a topic's set.
type keyOf func(topic events.Topic) string

func (r *registry) keys() keyOf {
	keys := r.names.Keys()
	return func(topic events.Topic) string { return keys.Online(string(topic)) }
}

// ask sends one pipeline, unless Redis is down, and reports whether it was answered.
func (r *registry) ask(ctx context.Context, fill func(context.Context, redis.Pipeliner, keyOf)) bool {
	if r.down.Load() || r.ctx.Err() != nil { // streams also close after Stop
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	pipe := r.client.Pipeline()
	fill(ctx, pipe, r.keys())
	if pipe.Len() == 0 {
		return true
	}
	_, err := pipe.Exec(ctx)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) { // a caller that gives up says nothing about Redis
		r.fail(err)
	}
	return err == nil
}

func (r *registry) fail(err error) {
	if !r.down.Swap(true) {
		signal(r.wake)
	}
	if !r.warned.Swap(true) { // once, although a cluster that lacks a node may answer and fail several times
		r.log.Warn("the registry in Redis does not answer: only connections of this instance are known", "error", err)
	}
}

func (r *registry) member(user string) string { return user + "\x00" + r.instance }

func splitMember(member string) (user, instance string) {
	user, instance, _ = strings.Cut(member, "\x00")
	return user, instance
}

func (r *registry) fromNow() string { return strconv.FormatInt(r.now().UnixMilli(), 10) }

// alive asks for the entries of a topic that have not expired.
func (r *registry) alive(ctx context.Context, pipe redis.Pipeliner, key string) *redis.StringSliceCmd {
	return pipe.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: r.fromNow(), Max: "+inf", Count: maxOnlineInChat})
}
