package events

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
)

const (
	registryTimeout = 100 * time.Millisecond // what one question costs a caller at most; after a failure none is asked
	registryRevive  = 500 * time.Millisecond // between attempts to reach Redis again
	registryChunk   = 500                    // entries renewed in one round trip
	maxOnlineUsers  = 1000                   // users whose feeds one question looks at; beyond, only who follows the chat itself
	maxOnlineInChat = 2000                   // entries of one chat that are looked at
)

// redisRegistry keeps the connections of this process in memory and shares them: a sorted set a topic, in it an entry for
// each user and instance ("<user>\x00<instance>"), whose score is the Unix time in milliseconds when it expires. An entry stands
// for all the user's connections to the instance, so a thousand tabs cost one.
//
// Scores are compared between instances, so they go by the time of the database.
type redisRegistry struct {
	client   redis.UniversalClient
	instance string
	now      func() time.Time
	log      *slog.Logger
	local    *memoryRegistry
	down     atomic.Bool   // Redis failed: rely on local until it is back
	warned   atomic.Bool   // of that
	wake     chan struct{} // down was set
	told     string        // what the other instances were last told of our counts

	ttl, heartbeat time.Duration // ConnectionTTL and Heartbeat, but for tests

	cancel context.CancelFunc
	ctx    context.Context
	tasks  sync.WaitGroup
	once   sync.Once
}

// NewRedisRegistry returns a registry that instances share through Redis. It asks nothing of a Redis that failed until
// that has answered again. now is a clock that all instances agree on. Stop does not close the client.
func NewRedisRegistry(client redis.UniversalClient, now func() time.Time, log *slog.Logger) Registry {
	ctx, cancel := context.WithCancel(context.Background())
	return &redisRegistry{
		client: client, instance: newInstanceID(), now: now, log: log, local: newMemoryRegistry(),
		wake: make(chan struct{}, 1), ctx: ctx, cancel: cancel,
		ttl: ConnectionTTL, heartbeat: Heartbeat,
	}
}

func (r *redisRegistry) Start(context.Context) error {
	r.tasks.Go(func() { r.renewForEver(r.ctx) })
	return nil
}

func (r *redisRegistry) Stop() {
	r.once.Do(func() {
		r.cancel()
		r.tasks.Wait()
		if r.down.Load() {
			return // the entries expire
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := r.client.ZRem(ctx, countsKey, r.told).Err()
		if err = errors.Join(err, r.each(ctx, r.takeOut)); err != nil {
			r.log.Debug("the registry's entries are left to expire", "error", err)
		}
	})
}

func (r *redisRegistry) Add(ctx context.Context, topic Topic, user string) (bool, func(context.Context) bool) {
	first, removeLocal := r.local.Add(ctx, topic, user)
	if first {
		first = !r.elsewhere(ctx, topic, user, r.enter)
	}
	return first, func(ctx context.Context) bool {
		last := removeLocal(ctx)
		if !last {
			return false
		}
		last = !r.elsewhere(ctx, topic, user, r.takeOut)
		if r.local.has(topic, user) { // a connection came while the entry was taken out
			r.elsewhere(ctx, topic, user, r.enter)
			return false
		}
		return last
	}
}

// elsewhere changes the user's entry and returns whether another instance has one.
func (r *redisRegistry) elsewhere(ctx context.Context, topic Topic, user string, change func(context.Context, redis.Pipeliner, string, string)) bool {
	var found *redis.StringSliceCmd
	ok := r.ask(ctx, func(ctx context.Context, pipe redis.Pipeliner) {
		key := registryKey(topic)
		found = r.alive(ctx, pipe, key)
		change(ctx, pipe, key, r.member(user))
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

func (r *redisRegistry) enter(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZAdd(ctx, key, redis.Z{Score: float64(r.now().Add(r.ttl).UnixMilli()), Member: member})
	pipe.PExpire(ctx, key, 2*r.ttl) // of a topic that nobody renews
}

func (r *redisRegistry) takeOut(ctx context.Context, pipe redis.Pipeliner, key, member string) {
	pipe.ZRem(ctx, key, member)
}

func (r *redisRegistry) Online(ctx context.Context, chats []*db.Chat) (map[string][]string, error) {
	shared := map[Topic]map[string]bool{}
	inChats, inFeeds := map[Topic]*redis.StringSliceCmd{}, map[Topic]*redis.IntCmd{}
	ok := r.ask(ctx, func(ctx context.Context, pipe redis.Pipeliner) {
		for _, chat := range chats {
			inChats[ChatTopic(chat.ID)] = r.alive(ctx, pipe, registryKey(ChatTopic(chat.ID)))
			for _, m := range chat.Members {
				topic := UserTopic(m.UserID)
				if inFeeds[topic] == nil && len(inFeeds) < maxOnlineUsers {
					inFeeds[topic] = pipe.ZCount(ctx, registryKey(topic), r.fromNow(), "+inf")
				}
			}
		}
	})
	if ok {
		for topic, found := range inChats {
			shared[topic] = map[string]bool{}
			for _, member := range found.Val() {
				user, _ := splitMember(member)
				shared[topic][user] = true
			}
		}
	}
	return onlineMembers(chats, func(topic Topic, user string) bool {
		if r.local.has(topic, user) || !ok {
			return r.local.has(topic, user)
		}
		feed := inFeeds[topic]
		return shared[topic][user] || feed != nil && feed.Val() > 0
	}), nil
}

// ask sends one pipeline, unless Redis is down, and returns whether it was answered.
func (r *redisRegistry) ask(ctx context.Context, fill func(context.Context, redis.Pipeliner)) bool {
	if r.down.Load() || r.ctx.Err() != nil { // streams are closed after Stop, too
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, registryTimeout)
	defer cancel()
	pipe := r.client.Pipeline()
	fill(ctx, pipe)
	if pipe.Len() == 0 {
		return true
	}
	_, err := pipe.Exec(ctx)
	if err != nil && !errors.Is(context.Cause(ctx), context.Canceled) { // a caller who hangs up says nothing about Redis
		r.failed(err)
	}
	return err == nil
}

func (r *redisRegistry) failed(err error) {
	if !r.down.Swap(true) {
		signal(r.wake)
	}
	if !r.warned.Swap(true) { // once, though it may come back and fail again, as a cluster that lacks a node does
		r.log.Warn("the registry in Redis does not answer: only connections of this instance are known", "error", err)
	}
}

// forgetExpired takes out the entries of a topic that have expired.
func (r *redisRegistry) forgetExpired(ctx context.Context, pipe redis.Pipeliner, key string) {
	pipe.ZRemRangeByScore(ctx, key, "-inf", "("+r.fromNow())
}

func splitMember(member string) (user, instance string) {
	user, instance, _ = strings.Cut(member, "\x00")
	return user, instance
}

func (r *redisRegistry) member(user string) string { return user + "\x00" + r.instance }

func registryKey(topic Topic) string { return "sc1:r:" + string(topic) }

func (r *redisRegistry) fromNow() string { return strconv.FormatInt(r.now().UnixMilli(), 10) }

// alive asks for the entries of a topic that have not expired.
func (r *redisRegistry) alive(ctx context.Context, pipe redis.Pipeliner, key string) *redis.StringSliceCmd {
	return pipe.ZRangeByScore(ctx, key, &redis.ZRangeBy{Min: r.fromNow(), Max: "+inf", Count: maxOnlineInChat})
}
