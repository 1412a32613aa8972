package db

import (
	"context"
	"time"
)

// sqliteHorizonWait is how long the pulse waits for the write lock. While a write takes longer, the horizon stays.
const sqliteHorizonWait = 100 * time.Millisecond

// sqliteHorizon is Pulse.Horizon of a database that does not tell when transactions began. It has one write at a time, also of several
// processes, and each is stamped by this machine's clock once it has the write lock. So a process that holds the lock for a moment
// knows that no write is under way, and that all later writes get later stamps.
func (s *Store) sqliteHorizon(ctx context.Context, now time.Time) time.Time {
	limited, cancel := context.WithTimeout(ctx, sqliteHorizonWait)
	defer cancel()
	tx, err := s.writer.BeginTx(limited, nil)
	if err == nil {
		defer func() { _ = tx.Rollback() }()
		return s.Now()
	}
	horizon := now.Add(-boundlessWrite)
	if last := s.Pulse(); last != nil && last.Horizon.After(horizon) {
		horizon = last.Horizon
	}
	return horizon
}
