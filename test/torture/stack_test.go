package torture

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/db"
	"studychat/db/cache"
	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/events/redisbus"
	"studychat/redisconn"
)

// stack is an instance of the cache in this process: publish(cache(store)) as the server builds it, with a delay at
// every step.
type stack struct {
	repo  db.Repository
	guard *cache.Guard
	hub   *hub.Hub // nil unless requested
	loads atomic.Int64
	late  lateAnswers
}

// stacking says what a stack is built on.
type stacking struct {
	dsn   string
	redis string // address
	ttl   time.Duration
	delay delays
	live  bool // with a hub on a bus of Redis
	naive bool // the control instead of the cache
}

// delays are the delays of every step of a read and a write.
type delays struct {
	step time.Duration // at most; each of a random length
	load time.Duration // at most; of a database read
}

func (d delays) wait(most time.Duration) {
	if most > 0 {
		pause(rand.N(most))
	}
}

func newStack(r *record, o stacking) *stack {
	s := &stack{}
	log := slog.New(slog.DiscardHandler)
	client, names := cacheClient(r, o.redis), redisconn.NewNamespace("test")
	client.AddHook(slowRedis{o.delay, &s.late})
	health := redisconn.NewHealth(client, log)
	health.Start(context.Background())
	r.Cleanup(health.Stop)
	s.guard = cache.NewGuard(redisconn.Handle{Client: client, Names: names, Health: health}, cache.GuardOptions{Log: log})
	s.guard.Start(context.Background())
	r.Cleanup(s.guard.Stop)
	var guard db.WriteGuard = s.guard
	if o.naive {
		guard = naiveGuard{client}
	}
	store, err := sqlstore.Open(r.Context(), o.dsn, sqlstore.OpenOptions{Guard: slowGuard{guard, o.delay}, MaxConns: 16, Log: log})
	r.must(err)
	r.Cleanup(func() { _ = store.Close() })
	_, err = store.MigrateUp(r.Context())
	r.must(err)
	below := slowStore{store, o.delay, &s.loads}
	if o.naive {
		s.repo = naiveCache{below, client}
		return s
	}
	seen := func(string) int64 { return 0 }
	var bus events.Bus
	if o.live {
		line := busClient(r, o.redis)
		bus = redisbus.New(redisconn.Handle{Client: line, Names: names, Health: health}, log)
		s.hub = hub.New(store, bus, events.NewMemoryRegistry(), log)
		r.must(s.hub.Start(context.Background()))
		r.Cleanup(s.hub.Stop)
		seen = s.hub.Seen
	}
	s.share(r, store)
	cached := cache.New(below, s.guard, cache.Options{TTL: o.ttl, MinVersion: seen})
	r.Cleanup(cached.Stop)
	s.repo = cached
	if bus != nil {
		s.repo = events.NewPublisher(cached, bus, log)
	}
	return s
}

// share connects the instances, so that they announce writes that did not reach Redis.
func (s *stack) share(r *record, store *sqlstore.Store) {
	r.Cleanup(s.guard.StartSharing(context.Background(), store))
	r.Cleanup(store.StartPulse(context.Background(), func(p db.Pulse) {
		cutOff := s.guard.Pulse(p)
		if s.hub != nil {
			s.hub.Hurry(cutOff)
		}
	}))
}

// cacheClient returns a client tuned like the server's.
func cacheClient(r *record, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: 200 * time.Millisecond, ReadTimeout: 50 * time.Millisecond, WriteTimeout: 50 * time.Millisecond,
		PoolTimeout: 50 * time.Millisecond, PoolSize: 16,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   redisconn.EachTry(new(net.Dialer).DialContext),
		OnConnect:                redisconn.Prove,
	})
	r.Cleanup(func() { _ = client.Close() })
	return client
}

func busClient(r *record, addr string) *redis.Client {
	client := redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true, DisableIdentity: true, PipelinePoolSize: -1,
		DialTimeout: time.Second, ReadTimeout: time.Second, WriteTimeout: 250 * time.Millisecond, PoolTimeout: 250 * time.Millisecond,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   redisconn.EachTry(new(net.Dialer).DialContext),
		OnConnect:                redisconn.Prove,
	})
	r.Cleanup(func() { _ = client.Close() })
	return client
}

// slowRedis delays commands and replies, and notes the answers that did not come in time.
type slowRedis struct {
	delays
	late *lateAnswers
}

// lateAnswers is when Redis did not answer a stack in time. The stack then takes it for hung, also if this machine was too busy.
type lateAnswers struct {
	mu sync.Mutex
	at []time.Time
}

func (l *lateAnswers) note(err error) error {
	if redisconn.IsTimeout(err) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.at = append(l.at, time.Now())
	}
	return err
}

func (h slowRedis) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h slowRedis) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.wait(h.step)
		defer h.wait(h.step)
		return h.late.note(next(ctx, cmd))
	}
}

func (h slowRedis) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.wait(h.step)
		defer h.wait(h.step)
		return h.late.note(next(ctx, cmds))
	}
}

// fate is the intended outcome of a write. It travels in the context, because the write cannot be reached otherwise.
type fate struct {
	commit time.Duration // how long the commit takes
	dies   bool          // after the commit, before finish
}

type fateKey struct{}

// slowGuard delays the steps of a write and lets some writers die.
type slowGuard struct {
	db.WriteGuard
	delays
}

// Mark implements db.WriteGuard.
func (g slowGuard) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	g.wait(g.step)
	finish := g.WriteGuard.Mark(ctx, writes...)
	f, _ := ctx.Value(fateKey{}).(fate)
	if f.commit > 0 {
		pause(f.commit)
	}
	g.wait(g.step)
	return func(outcome db.Outcome) {
		if f.dies {
			return
		}
		g.wait(g.step)
		finish(outcome)
	}
}

// slowStore delays reads before and after their snapshot and counts them.
type slowStore struct {
	db.Repository
	delays
	loads *atomic.Int64
}

func (s slowStore) Chat(ctx context.Context, viewer, id string) (*db.Chat, error) {
	s.loads.Add(1)
	s.wait(s.load)
	defer s.wait(s.load)
	return s.Repository.Chat(ctx, viewer, id)
}

func (s slowStore) Chats(ctx context.Context, viewer string, module *string, page db.Page) (*db.ChatList, error) {
	s.wait(s.load)
	defer s.wait(s.load)
	return s.Repository.Chats(ctx, viewer, module, page)
}
