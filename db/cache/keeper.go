package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/redisconn"
)

// Start begins to delete the keys that are waiting, until Stop or the end of ctx. Call it once.
func (g *Guard) Start(ctx context.Context) {
	ctx, g.stop = context.WithCancel(ctx)
	g.loop.Go(func() { g.keep(ctx) })
}

// Stop ends what Start began and waits for it. Keys that still wait to be deleted get a last chance, so no write may be
// under way any more. It may be called again.
func (g *Guard) Stop() {
	g.stop()
	g.loop.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), 4*g.link.Health.Timeout)
	defer cancel()
	if g.pending.empty() || g.flush(ctx) == nil {
		return
	}
	waiting, all := g.pending.size()
	g.options.Log.Warn("keys of the cache could not be deleted; they may be served until they run out", "keys", waiting, "all", all)
}

// flushEvery is how often the deletion of waiting keys is tried again.
const flushEvery = 500 * time.Millisecond

// keep deletes the keys that are waiting: when there are new ones, and when Redis answers again.
func (g *Guard) keep(ctx context.Context) {
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	for {
		changed := g.link.Health.Changed()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-changed:
		case <-g.kick:
		}
		if g.pending.empty() || g.link.Health.Down() {
			continue
		}
		if err := g.flush(ctx); err != nil && ctx.Err() == nil {
			g.options.Log.DebugContext(ctx, "keys of the cache could not be deleted yet", "error", err)
		}
	}
}

// flushBatch is how many keys are deleted in one pipeline.
const flushBatch = 200

// flush deletes the keys that are waiting. Until a key is deleted, this instance does not serve it from Redis.
func (g *Guard) flush(ctx context.Context) error {
	if overflows, all := g.pending.everything(); all {
		if err := redisconn.EachMaster(ctx, g.link.Client, g.sweep); err != nil {
			return err
		}
		g.pending.doneAll(overflows)
	}
	for batch := g.pending.some(flushBatch); len(batch) > 0; batch = g.pending.some(flushBatch) {
		if err := g.flushSome(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) flushSome(ctx context.Context, batch map[string][]any) error {
	jobs := make([]job, 0, len(batch))
	for key, tokens := range batch {
		jobs = append(jobs, job{key: key, args: tokens})
	}
	failed, err := g.link.batch(ctx, finishScript, jobs)
	for _, j := range failed {
		delete(batch, j.key)
	}
	for key, tokens := range batch {
		g.pending.done(key, tokens)
	}
	g.stats.deletedLate.Add(int64(len(batch)))
	return err
}

// sweep deletes all bodies and leases of one node. SCAN returns each key that is there all the time at least once.
func (g *Guard) sweep(ctx context.Context, node redis.Cmdable) error {
	var cursor uint64
	for {
		var keys []string
		var next uint64
		err := g.link.Health.Try(ctx, func(ctx context.Context) (err error) {
			keys, next, err = node.Scan(ctx, cursor, g.link.Names.Keys().Cached(), flushBatch).Result()
			return err
		})
		if err != nil {
			return err
		}
		if _, err := g.link.batch(ctx, finishScript, jobsFor(keys)); err != nil {
			return err
		}
		g.stats.deletedLate.Add(int64(len(keys)))
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
