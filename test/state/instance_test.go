package state

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/db/cache"
	"studychat/events"
	"studychat/redisconn"
)

// world is where the machine runs: in memory, or on real servers.
type world interface {
	redis() service
	// client makes a client for a cache; hooks see everything first.
	client(hooks ...redis.Hook) redis.UniversalClient
	bus() events.Bus
	store(guard db.WriteGuard) store
	bumpEpoch(ctx context.Context) error
	timeout() time.Duration // of a cache's request
	unit() time.Duration
	memory() bool // rollbacks and unknown outcomes are possible
	close()
}

// store is an instance's store.
type store struct {
	db.Repository
	seenEpoch  func() int64
	databaseID func() (string, error)
	prune      func(ctx context.Context, chatID string, floor int64) error
	close      func()

	cache.Reporter
	startPulse func(changed func(db.Pulse)) (stop func())
}

// streams is the part of a hub that subscribers see.
type streams interface {
	Chat(ctx context.Context, viewer, chatID string, after *db.Cursor) (events.Stream, error)
	Seen(chatID string) int64
	Start(ctx context.Context) error
	Stop()
}

// parts are what an instance consists of. The controls replace some by wrong ones.
type parts struct {
	streams func(repo db.Repository, bus events.Bus, log *slog.Logger) streams
	// cache returns the repository that readers see, and the guard of writers.
	cache func(r *run, client redis.UniversalClient) cacheParts
	// reads is what the hub reads.
	reads func(db.Repository) db.Repository
}

// cacheParts: the guard is made before the store, the rest on top of it.
type cacheParts struct {
	guard db.WriteGuard
	on    func(s store, repo db.Repository, hub streams) db.Repository
	share func(s store, hub streams) (stop func()) // nil: the cache exchanges nothing with other instances
	stop  func()
}

func realParts() parts { return parts{streams: realHub, cache: realCache, reads: realReads} }

func realReads(store db.Repository) db.Repository { return store }

func realCache(r *run, client redis.UniversalClient) cacheParts {
	health := redisconn.NewHealth(client, r.log)
	health.Timeout = r.world.timeout()
	names := redisconn.NewNamespace("test")
	guard := cache.NewGuard(redisconn.Handle{Client: client, Names: names, Health: health}, cache.GuardOptions{Log: r.log, MarkTTL: 10_000 * r.faults.unit})
	ctx, cancel := context.WithCancel(context.Background())
	health.Start(ctx)
	guard.Start(ctx)
	var caches []*cache.Cache
	return cacheParts{
		guard: guard,
		on: func(s store, repo db.Repository, hub streams) db.Repository {
			c := cache.New(repo, guard, cache.Options{LeaseTTL: 2000 * r.faults.unit, MinVersion: hub.Seen, MinEpoch: s.seenEpoch})
			caches = append(caches, c)
			return c
		},
		share: func(s store, hub streams) (stop func()) {
			id, err := s.databaseID() // as the app does: the first pulse may fail
			if err != nil {
				r.hist.problem("start: %v", err)
			}
			names.Use(id)
			stopSharing := guard.StartSharing(ctx, s)
			stopPulse := s.startPulse(func(p db.Pulse) {
				if r.filter != nil {
					p = r.filter(p)
				}
				cutOff := guard.Pulse(p)
				if hub, ok := hub.(interface{ Hurry(on bool) }); ok {
					hub.Hurry(cutOff)
				}
			})
			return func() {
				stopPulse()
				stopSharing()
			}
		},
		stop: func() {
			for _, c := range caches {
				c.Stop()
			}
			cancel()
			guard.Stop()
			health.Stop()
			r.count(guard.Stats())
		},
	}
}

// instance is one process: publish(cache(store)), and a hub beside it.
type instance struct {
	repo    db.Repository // for readers and writers
	silent  db.Repository // the same without the publisher, for writers who die before it
	store   store
	streams streams
	bus     *lossyBus
	line    *line
	stop    func()

	mu   sync.Mutex
	gone bool
	ops  sync.WaitGroup
}

// boot starts an instance.
func (r *run) boot() *instance {
	r.booted++
	seed := func(part uint64) *dice { return newDice(r.seed, 1000*r.booted+part) }
	in := &instance{line: &line{faults: r.faults, dice: seed(1), redis: r.world.redis(), lossy: r.kind == lossy, behind: r.behind}}
	if os.Getenv("STATE_SEED") != "" && !r.world.memory() {
		in.line.trace = r.hist.note
	}
	client := r.world.client(in.line)
	parts := r.parts.cache(r, client)
	in.store = r.world.store(faultyGuard{parts.guard, r.faults, seed(2)})
	reads := faultyReads{r.parts.reads(in.store), r.faults, seed(3), newBadClock(seed(5))}
	bus := &lossyBus{Bus: r.world.bus(), faults: r.faults, dice: seed(4), line: in.line}
	in.bus = bus
	in.streams = r.parts.streams(reads, bus, r.log)
	if err := in.streams.Start(context.Background()); err != nil {
		r.hist.problem("start: %v", err)
	}
	in.silent = parts.on(in.store, reads, in.streams)
	in.repo = events.NewPublisher(in.silent, bus, r.log)
	stopSharing := func() {}
	if parts.share != nil {
		stopSharing = parts.share(in.store, in.streams)
	}
	in.stop = func() {
		in.streams.Stop()
		stopSharing()
		parts.stop()
		in.store.close()
		_ = client.Close()
	}
	return in
}

// pickToWrite is pick, mostly of the favourite.
func (r *run) pickToWrite(d *dice) (in *instance, done func()) {
	r.mu.Lock()
	in = r.favourite
	r.mu.Unlock()
	if in == nil || d.chance(.2) || !in.begin() {
		return r.pick(d)
	}
	return in, in.ops.Done
}

// begin registers an operation, unless the instance has crashed.
func (in *instance) begin() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.gone {
		in.ops.Add(1)
	}
	return !in.gone
}

// pick takes an instance for one operation; done gives it back.
func (r *run) pick(d *dice) (in *instance, done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for {
		in = oneOf(d, r.instances)
		if in.begin() {
			return in, in.ops.Done
		}
	}
}

// crash ends an instance and everything it knows, except the reads and writes under way: writers die by their fate. Another
// instance replaces it first.
func (r *run) crash(i int) {
	fresh := r.boot()
	r.mu.Lock()
	old := r.instances[i]
	r.instances[i] = fresh
	old.mu.Lock()
	old.gone = true
	old.mu.Unlock()
	r.mu.Unlock()
	old.ops.Wait()
	old.line.crashed.Store(true) // nothing is deleted in Redis
	old.stop()
}
