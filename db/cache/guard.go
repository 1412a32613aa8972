package cache

import (
	"cmp"
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
	MarkTTL    time.Duration // how long a mark remains when its writer dies; 10 s. Longer than a commit may take
	MaxPending int           // keys remembered while Redis is out of reach; 10,000
	Log        *slog.Logger  // required
}

// maxMarks bounds the tokens of one mark: the concurrent writes that touch the same list.
const maxMarks = 64

// Guard is the writers' side of the cache, and the link to Redis that both sides share. It implements db.WriteGuard.
//
// For each write, mark (in the transaction, before COMMIT) removes the bodies and keeps new ones out, and finish (after COMMIT,
// before the write is answered) opens the keys again. The guard never stores a body, so none of its requests can restore an
// old one by reaching Redis late. Keys for which Redis did not answer are remembered and deleted as soon as it does; until then
// this instance reads them from the database.
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
	stop context.CancelFunc
	loop sync.WaitGroup
}

// NewGuard makes the guard; give it to the store, then to New. The caller closes the client, after Stop.
func NewGuard(redis redisconn.Handle, options GuardOptions) *Guard {
	options.MarkTTL = cmp.Or(options.MarkTTL, 10*time.Second)
	g := &Guard{
		link:    link{redis},
		pending: newPending(cmp.Or(options.MaxPending, 10_000)),
		options: options,
		id:      rand.Text(),
		born:    time.Now(),
		trust:   trust{over: make(chan []db.Outage, 1)},
		kick:    make(chan struct{}, 1),
		stop:    func() {},
	}
	g.trust.until.Store(trustAlways)
	redis.Health.AddPart(func() string {
		if _, all := g.pending.size(); all {
			return "cache: it waits to be cleared"
		}
		return ""
	})
	return g
}

// now is the time since the guard was made, by the monotonic clock.
func (g *Guard) now() time.Duration { return time.Since(g.born) }

// Mark implements db.WriteGuard. It takes two timeouts at most, and next to nothing once Redis is known to hang; the first
// write that cannot be marked also waits until the other instances know (notice.go).
func (g *Guard) Mark(ctx context.Context, writes ...db.Write) func(db.Outcome) {
	// Once asked to commit, the database may do so whatever becomes of the request: the mark must not be cut short.
	ctx = context.WithoutCancel(ctx)
	token := newToken()
	keys := g.keysOf(writes)
	unmarked := g.mark(ctx, keys, token)
	n := g.notice.Load()
	if n != nil && len(unmarked) > 0 {
		n.begin(ctx, token, unmarked)
	}
	return func(outcome db.Outcome) {
		if outcome == db.Unknown {
			// The commit may still happen, but not after the marks have expired. Keys without a mark get one now, under
			// another token, because the first token is removed as soon as Redis answers.
			if len(g.mark(ctx, unmarked, newToken())) > 0 {
				return // the notice deletes them later
			}
		} else {
			g.finish(ctx, keys, token, len(unmarked) == 0)
		}
		if n != nil && len(unmarked) > 0 {
			n.end(token)
		}
	}
}

// keysOf returns the keys of writes, each once: the chats of one transaction may have members in common.
func (g *Guard) keysOf(writes []db.Write) []string {
	names := g.link.Names.Keys()
	var keys []string
	lists := map[string]bool{}
	for _, write := range writes {
		keys = append(keys, names.Chat(write.ChatID))
		for _, member := range write.Members {
			if !lists[member] {
				lists[member] = true
				keys = append(keys, names.List(member))
			}
		}
	}
	return keys
}

// mark returns the keys that could not be marked, after having remembered them.
func (g *Guard) mark(ctx context.Context, keys []string, token string) (unmarked []string) {
	failed := g.runWithRetry(ctx, markScript, jobsFor(keys, token, g.options.MarkTTL.Milliseconds(), maxMarks), 2)
	for _, j := range failed {
		unmarked = append(unmarked, j.key)
	}
	g.stats.marks.Add(int64(len(keys) - len(unmarked)))
	g.stats.markFailures.Add(int64(len(unmarked)))
	g.remember(unmarked, token)
	return unmarked
}

// finish opens the keys. While a key is certainly marked, a timeout is not worth a second wait: the mark keeps old values out.
func (g *Guard) finish(ctx context.Context, keys []string, token string, marked bool) {
	timeouts := 1
	if !marked && !g.link.Health.Down() {
		timeouts = 2
	}
	for _, j := range g.runWithRetry(ctx, finishScript, jobsFor(keys, token), timeouts) {
		g.remember([]string{j.key}, token)
	}
}

// Bounds of the tries of one mark or finish. Three, because the next connection may work when one was cut. More while Redis
// refuses new connections, with pauses that double from 1 ms and together stay below a timeout: an existing connection becomes
// free in a moment, and the existing connections of other instances still serve readers.
const (
	maxTries        = 3
	maxTriesRefused = 8
)

// runWithRetry runs the jobs and retries those that fail. A fast failure (refused, cut) costs next to nothing; of timeouts it
// accepts the given number. While Redis is down it tries once if the last failure was fast (more if a connection was cut), and not at
// all if it was a timeout.
// It returns the jobs that still failed.
func (g *Guard) runWithRetry(ctx context.Context, script *redis.Script, jobs []job, timeouts int) []job {
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
		if timeouts <= 0 || try >= g.triesAfter(err, level == redisconn.Down || g.link.Health.Refusing()) {
			return jobs
		}
		if try >= maxTries {
			<-time.After(time.Millisecond << (try - maxTries))
		}
	}
	return jobs
}

// triesAfter says how often to try. A server that is gone refuses the next try too; behind a connection that was cut it may be alive,
// and serve other instances, even if it is taken for down because many were cut.
func (g *Guard) triesAfter(err error, down bool) int {
	refused := redisconn.IsRefusal(err)
	switch {
	case refused && g.link.Client.PoolStats().TotalConns > 0:
		return maxTriesRefused
	case down && !refused:
		return 1
	default:
		return maxTries
	}
}

func (g *Guard) remember(keys []string, token string) {
	if len(keys) == 0 {
		return
	}
	g.pending.add(keys, token)
	select {
	case g.kick <- struct{}{}:
	default:
	}
}
