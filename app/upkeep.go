package app

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// How often the database is looked after, and for how long at most.
const (
	epochEvery   = 10 * time.Second // a promotion does not restart us
	epochTimeout = 10 * time.Second
	pruneEvery   = time.Hour
	pruneTimeout = 30 * time.Minute // a first run over years of history goes on in the next one
	firstPrune   = 5 * time.Minute  // at the latest: instances that are started together do not begin together
)

// upkeep looks after the database while the server runs: sees whether it was replaced, and deletes what is old enough.
type upkeep struct {
	store interface {
		CheckEpoch(ctx context.Context) (epoch int64, raised bool, err error)
		Prune(ctx context.Context, before time.Time) (sqlstore.PruneResult, error)
		RemoveTombstones(ctx context.Context, before time.Time) (sqlstore.PruneResult, error)
	}
	retention time.Duration // 0: messages and events are kept for ever
	log       *slog.Logger
}

// start runs until stop, which waits for what is under way to give up.
func (u upkeep) start(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() { repeat(ctx, epochEvery, epochEvery, epochTimeout, u.checkEpoch) })
	tasks.Go(func() { repeat(ctx, rand.N(firstPrune), pruneEvery, pruneTimeout, u.prune) })
	return func() {
		cancel()
		tasks.Wait()
	}
}

// repeat does something after the first wait and then again and again, a tenth sooner or later than every.
func repeat(ctx context.Context, first, every, timeout time.Duration, do func(ctx context.Context)) {
	for wait := first; ; wait = every - every/10 + rand.N(every/5) {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		limited, cancel := context.WithTimeout(ctx, timeout)
		do(limited)
		cancel()
	}
}

func (u upkeep) checkEpoch(ctx context.Context) {
	if _, _, err := u.store.CheckEpoch(ctx); err != nil && ctx.Err() == nil {
		u.log.Debug("checking the epoch failed", "err", err)
	}
}

func (u upkeep) prune(ctx context.Context) {
	now := time.Now()
	result, err := u.store.RemoveTombstones(ctx, now.Add(-db.TombstoneAge))
	u.report("forgot deleted chats", result, err)
	if u.retention > 0 {
		result, err = u.store.Prune(ctx, now.Add(-u.retention))
		u.report("pruned old messages and events", result, err)
	}
}

func (u upkeep) report(what string, result sqlstore.PruneResult, err error) {
	counts := []any{"chats", result.Chats, "messages", result.Messages, "events", result.Events}
	switch {
	case err != nil:
		u.log.Warn(what+", but not all: the next run goes on", append(counts, "err", err)...)
	case result.Chats > 0:
		u.log.Info(what, counts...)
	default:
		u.log.Debug(what, append(counts, "left to another instance", result.Busy)...)
	}
}
