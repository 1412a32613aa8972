package cache

import (
	"context"
	"crypto/rand"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/redisconn"
)

// GuardOptions tune a Guard. The zero value of a field means its default.
type GuardOptions struct {
	MarkTTL    time.Duration // how long a mark stands when its writer dies; 10 s. Longer than a commit may take
	MaxPending int           // keys remembered while Redis is out of reach; 10,000
	Log        *slog.Logger  // slog.Default()
}

// maxMarks bounds the tokens of one mark: writes under way that touch the same list at the same moment.
const maxMarks = 64

func (o GuardOptions) withDefaults() GuardOptions {
	setDefault(&o.MarkTTL, 10*time.Second)
	setDefault(&o.MaxPending, 10_000)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Guard is the writers' side of the cache, and the link to Redis that both sides share. It implements db.WriteGuard.
//
// What it does for a write: mark (in the transaction, before COMMIT) takes the bodies away and keeps them out, finish (after
// COMMIT, before the write is answered) opens the keys again. It never stores a body, so nothing of it that reaches Redis
// late can bring back what is gone. Keys for which Redis did not answer are remembered and deleted as soon as it does;
// until then this instance reads them from the database.
type Guard struct {
	link    link
	stats   counters
	pending *pending
	options GuardOptions

	id     string // names this run to the other instances
	born   time.Time
	notice atomic.Pointer[notice] // nil before StartSharing
	trust  trust

	kick chan struct{} // keys are waiting: delete them now
	quit chan struct{} // closed by Stop
	once sync.Once
	loop sync.WaitGroup
}

// NewGuard makes the guard; give it to the store, then to New. The caller closes the client, after Stop.
func NewGuard(redis redisconn.Handle, options GuardOptions) *Guard {
	options = options.withDefaults()
	g := &Guard{
		link:    link{redis},
		pending: newPending(options.MaxPending),
		options: options,
		id:      rand.Text(),
		born:    time.Now(),
		trust:   trust{over: make(chan []db.Outage, 1)},
		kick:    make(chan struct{}, 1),
		quit:    make(chan struct{}),
	}
	g.trust.until.Store(trustAlways)
	redis.Health.AddPart(func() bool { _, all := g.pending.size(); return !all })
	return g
}

// now is the time since the guard was made, by a clock that nobody sets.
func (g *Guard) now() time.Duration { return time.Since(g.born) }

// Mark implements db.WriteGuard. It takes two timeouts at most, and next to nothing once Redis is known to hang; the first
// write that cannot be marked also waits until the other instances know (notice.go).
func (g *Guard) Mark(ctx context.Context, write db.Write) func(db.Outcome) {
	// Once asked to commit, the database may do so whatever becomes of the request: the mark must not be cut short.
	ctx = context.WithoutCancel(ctx)
	token := newToken()
	keys := g.keysOf(write)
	unmarked := g.mark(ctx, keys, token)
	n := g.notice.Load()
	if n != nil && len(unmarked) > 0 {
		n.begin(ctx, token, unmarked)
	}
	return func(outcome db.Outcome) {
		if outcome == db.Unknown {
			// The commit may yet happen: the marks run out by themselves, later than that. What is not marked is marked now,
			// under another token: the one of before is to be taken away as soon as Redis answers.
			if len(g.mark(ctx, unmarked, newToken())) > 0 {
				return // the notice sees to it
			}
		} else {
			g.finish(ctx, keys, token, len(unmarked) == 0)
		}
		if n != nil && len(unmarked) > 0 {
			n.end(token)
		}
	}
}

func (g *Guard) keysOf(write db.Write) []string {
	names := g.link.Names.Keys()
	keys := make([]string, 0, 1+len(write.Members))
	keys = append(keys, names.Chat(write.ChatID))
	for _, member := range write.Members {
		keys = append(keys, names.List(member))
	}
	return keys
}

// mark returns the keys that could not be marked, after having remembered them.
func (g *Guard) mark(ctx context.Context, keys []string, token string) (unmarked []string) {
	jobs := make([]job, len(keys))
	for i, key := range keys {
		jobs[i] = job{key: key, args: []any{token, g.options.MarkTTL.Milliseconds(), maxMarks}}
	}
	failed := g.insist(ctx, markScript, jobs, 2)
	g.stats.count(func(s *Stats) {
		s.Marks += int64(len(jobs) - len(failed))
		s.MarkFailures += int64(len(failed))
	})
	for _, j := range failed {
		unmarked = append(unmarked, j.key)
	}
	g.remember(unmarked, token)
	return unmarked
}

// finish opens the keys. Where a mark stands for sure, a timeout is not worth a second wait: nothing old is served
// meanwhile.
func (g *Guard) finish(ctx context.Context, keys []string, token string, marked bool) {
	jobs := make([]job, len(keys))
	for i, key := range keys {
		jobs[i] = job{key: key, args: []any{token}}
	}
	timeouts := 1
	if !marked && !g.link.Health.Down() {
		timeouts = 2
	}
	failed := g.insist(ctx, finishScript, jobs, timeouts)
	g.stats.count(func(s *Stats) { s.FinishFailures += int64(len(failed)) })
	for _, j := range failed {
		g.remember([]string{j.key}, token)
	}
}

// Bounds of the tries of one mark or finish. Three, since a cut connection says nothing of the next one. More where Redis
// lets no new connections in, with pauses that double from 1 ms and together stay below a timeout: one of before is free in
// a moment, and such connections serve other instances, too.
const (
	maxTries        = 3
	maxTriesRefused = 8
)

// insist runs the jobs and tries those that fail again: a fast failure (refused, cut) costs next to nothing, of timeouts
// it takes so many. While Redis is down it tries once after a fast failure, and not at all after a timeout.
// It returns what failed to the end.
func (g *Guard) insist(ctx context.Context, script *redis.Script, jobs []job, timeouts int) []job {
	for try := 1; len(jobs) > 0; try++ {
		level, slow := g.link.Health.Level()
		if level == redisconn.Down && slow {
			return jobs
		}
		var err error
		if jobs, err = g.link.batch(ctx, script, jobs); err == nil {
			return nil
		}
		if redisconn.IsTimeout(err) {
			timeouts--
		}
		if timeouts <= 0 || try >= g.triesAfter(err, level == redisconn.Down) {
			return jobs
		}
		if try >= maxTries {
			rest(ctx, time.Millisecond<<(try-maxTries))
		}
	}
	return jobs
}

func (g *Guard) triesAfter(err error, down bool) int {
	switch {
	case redisconn.IsRefusal(err) && g.link.Client.PoolStats().TotalConns > 0:
		return maxTriesRefused
	case down:
		return 1
	default:
		return maxTries
	}
}

func rest(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (g *Guard) remember(keys []string, token string) {
	if len(keys) == 0 {
		return
	}
	if g.pending.add(keys, token) {
		g.stats.count(func(s *Stats) { s.Overflows++ })
	}
	g.wake()
}

func (g *Guard) wake() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}
