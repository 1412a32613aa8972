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

// Intervals and time limits of the upkeep tasks.
const (
	epochEvery   = 10 * time.Second // a promotion does not restart the server
	epochTimeout = 10 * time.Second
	pruneEvery   = time.Hour
	pruneTimeout = 30 * time.Minute // a first run over years of history continues in the next one
	firstPrune   = 5 * time.Minute  // at most: a random delay, so that instances started together do not prune together
)

// upkeep maintains the database while the server runs: it detects a replaced database, and prunes what is past its retention.
type upkeep struct {
	store interface {
		CheckEpoch(ctx context.Context) (epoch int64, raised bool, err error)
		Prune(ctx context.Context, before time.Time) (sqlstore.PruneResult, error)
		RemoveTombstones(ctx context.Context, before time.Time) (sqlstore.PruneResult, error)
	}
	retention time.Duration // 0: messages and events are never pruned
	log       *slog.Logger
}

// start begins the tasks. stop cancels them and waits for them.
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

// repeat calls do after the first wait and then at every interval, plus or minus a tenth.
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
		u.log.Debug("checking the epoch failed", "error", err)
	}
}

func (u upkeep) prune(ctx context.Context) {
	now := time.Now()
	result, err := u.store.RemoveTombstones(ctx, now.Add(-db.TombstoneAge))
	u.report("removed tombstones of deleted chats", result, err)
	if u.retention > 0 {
		result, err = u.store.Prune(ctx, now.Add(-u.retention))
		u.report("pruned old messages and events", result, err)
	}
}

func (u upkeep) report(what string, result sqlstore.PruneResult, err error) {
	counts := []any{"chats", result.Chats, "messages", result.Messages, "events", result.Events}
	switch {
	case err != nil:
		u.log.Warn(what+", but not all: the next run continues", append(counts, "error", err)...)
	case result.Chats > 0:
		u.log.Info(what, counts...)
	default:
		u.log.Debug(what, append(counts, "busy_elsewhere", result.Busy)...)
	}
}
