package events

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	"studychat/db"
)

// Bounds of what the hub asks of the database.
const (
	readTimeout = 5 * time.Second // one statement
	readSlots   = 16              // reads of logs, and of what leaving needs, at a time: a crowd that comes back or goes must not take all connections
)

// readLog reads a stretch of a chat's log, as one of a bounded number at a time.
func (h *Hub) readLog(ctx context.Context, chatID string, after int64) (log *db.Log, err error) {
	release, err := h.slot(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	err = db.Within(ctx, readTimeout, func(ctx context.Context) (err error) {
		log, err = h.repo.Log(ctx, chatID, after, readLimit)
		return err
	})
	return log, err
}

// slot waits until the hub may ask the database once more at a time.
func (h *Hub) slot(ctx context.Context) (release func(), err error) {
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// readShared is readLog for followers: those who stand at the same place, as a crowd that reconnects does, share one
// read. It outlives a caller who gives up.
func (h *Hub) readShared(ctx context.Context, chatID string, after int64) (*db.Log, error) {
	done := h.reads.DoChan(chatID+" "+strconv.FormatInt(after, 10), func() (any, error) {
		if !h.enter() {
			return nil, ErrStopped
		}
		defer h.leave()
		return h.readLog(h.ctx, chatID, after)
	})
	select {
	case result := <-done:
		log, _ := result.Val.(*db.Log)
		return log, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// gone returns why a stream cannot go on, if that is so: the hub stops or the caller gave up.
func (h *Hub) gone(ctx context.Context) error {
	if h.ctx.Err() != nil {
		return ErrStopped
	}
	return ctx.Err()
}

// pause waits before the attempt; it returns early, with the reason, when there is no point in going on.
func (h *Hub) pause(ctx context.Context, attempt int) error {
	timer := time.NewTimer(backoff(attempt))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-h.ctx.Done():
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
}

// backoff is the time to wait before the attempt: doubling from 50 ms to 2 s.
func backoff(attempt int) time.Duration {
	const first, most = 50 * time.Millisecond, 2 * time.Second
	return jitter(min(first<<min(attempt-1, 10), most))
}

// jitter spreads a wait over ±20 %, so that instances that lost the same Redis do not ask the database in step.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1)
}
