package cache

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Start begins to look after the link to Redis, until Stop or the end of ctx. Call it once.
func (g *Guard) Start(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	g.loop.Go(func() {
		defer cancel()
		g.keep(ctx)
	})
	g.loop.Go(func() {
		select {
		case <-g.quit:
			cancel()
		case <-ctx.Done():
		}
	})
}

// Stop ends what Start began and waits for it. Keys that still wait to be deleted get a last chance, so no write may be
// under way any more. Calling it again does nothing.
func (g *Guard) Stop() {
	g.once.Do(func() {
		close(g.quit)
		g.loop.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 4*g.options.Timeout)
		defer cancel()
		if g.pending.empty() || g.flush(ctx) == nil {
			return
		}
		waiting, all := g.pending.size()
		g.options.Log.Warn("keys of the cache could not be deleted; they may be served until they run out", "keys", waiting, "all", all)
	})
}

// keep probes Redis while it fails, and deletes what is waiting once it answers.
func (g *Guard) keep(ctx context.Context) {
	tick := time.NewTicker(g.options.ProbeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if g.link.breaker.open.Load() || !g.pending.empty() {
				g.probe(ctx)
			}
		case <-g.kick:
			// While the breaker is open the ticker does: writers would have it probed as often as they fail.
			if !g.link.breaker.open.Load() {
				g.probe(ctx)
			}
		}
	}
}

// probe asks Redis once. A request that failed and a probe that fails after it open the breaker at once: at one call a
// second, five failures within a second never come together, and each call would wait.
func (g *Guard) probe(ctx context.Context) {
	err := g.link.ping(ctx)
	if err == nil {
		err = g.flush(ctx)
	}
	if ctx.Err() != nil {
		return
	}
	switch {
	case err != nil:
		g.link.breaker.trip(isTimeout(err))
	case g.link.breaker.open.Load():
		g.link.breaker.close()
	}
	switch failing := err != nil; {
	case failing && !g.warned:
		g.options.Log.Warn("Redis does not answer; reading from the database", "instance", g.id, "error", err)
	case !failing && g.warned:
		g.options.Log.Info("Redis answers again; the cache is in use", "instance", g.id)
	}
	g.warned = err != nil
}

// flushBatch is how many keys are deleted in one pipeline.
const flushBatch = 200

// flush deletes the keys that are waiting. The breaker closes only after it, so that what was written while Redis was
// away is gone before this instance serves from Redis again.
func (g *Guard) flush(ctx context.Context) error {
	if generation, all := g.pending.everything(); all {
		if err := g.link.eachNode(ctx, g.sweep); err != nil {
			return err
		}
		g.pending.doneAll(generation)
	}
	for batch := g.pending.some(flushBatch); len(batch) > 0; batch = g.pending.some(flushBatch) {
		if err := g.flushSome(ctx, batch); err != nil {
			return err
		}
	}
	return nil
}

func (g *Guard) flushSome(ctx context.Context, batch map[string][]string) error {
	jobs := make([]job, 0, len(batch))
	for key, tokens := range batch {
		args := make([]any, len(tokens))
		for i, token := range tokens {
			args[i] = token
		}
		jobs = append(jobs, job{key: key, args: args})
	}
	failed, err := g.link.batch(ctx, finishScript, jobs)
	for _, j := range failed {
		delete(batch, j.key)
	}
	for key, tokens := range batch {
		g.pending.done(key, tokens)
	}
	g.link.stats.deletedLate.Add(int64(len(batch)))
	return err
}

// sweep deletes all bodies and leases of one node. SCAN returns each key that is there all the time at least once.
func (g *Guard) sweep(ctx context.Context, node redis.Cmdable) error {
	var cursor uint64
	for {
		scanCtx, cancel := context.WithTimeout(ctx, g.options.Timeout)
		keys, next, err := node.Scan(scanCtx, cursor, g.names.Keys().Cached(), flushBatch).Result()
		cancel()
		if err != nil {
			return err
		}
		jobs := make([]job, len(keys))
		for i, key := range keys {
			jobs[i] = job{key: key}
		}
		if len(jobs) > 0 {
			if _, err := g.link.batch(ctx, finishScript, jobs); err != nil {
				return err
			}
		}
		g.link.stats.deletedLate.Add(int64(len(jobs)))
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}
