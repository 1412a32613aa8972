package db

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// maxAttempts bounds how often a transaction is run that the database gave up because of others.
const maxAttempts = 4

// change is what a write did inside its transaction.
type change struct {
	event   *Event   // Repeated: there is nothing to commit
	members []string // Write.Members
}

// write runs one write in a transaction and answers with its event. do runs again from the start when the database gives
// the transaction up because of others.
func (s *Store) write(ctx context.Context, do func(ctx context.Context, tx bun.Tx) (change, error)) (*Event, error) {
	// A caller who goes away ends the statements but not a COMMIT under way: that would leave the outcome unknown for
	// nothing. So the transaction lives under limit, the statements under both.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxTransaction)
	defer cancel()
	for attempt := 1; ; attempt++ {
		event, err := s.transact(ctx, limit, do)
		if err != nil && isConflict(err) && attempt < maxAttempts {
			continue
		}
		if err != nil {
			return nil, s.fail(ctx, err)
		}
		return event, nil
	}
}

func (s *Store) transact(ctx, limit context.Context, do func(ctx context.Context, tx bun.Tx) (change, error)) (*Event, error) {
	tx, err := s.begin(ctx, limit)
	if err != nil {
		return nil, err
	}
	ended := false
	defer func() {
		if !ended { // an error, a panic, or nothing to commit: gives the number back
			_ = tx.Rollback()
		}
	}()
	deadline, _ := limit.Deadline()
	both, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	changed, err := do(both, tx)
	if err != nil || changed.event.Repeated {
		return changed.event, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	err = s.commit(limit, tx, Write{ChatID: changed.event.ChatID, Members: changed.members})
	ended = true
	return changed.event, err
}

// begin starts a transaction that lives under limit, unless the caller gives up before it has begun.
func (s *Store) begin(ctx, limit context.Context) (bun.Tx, error) {
	waiting, cancel := context.WithCancel(limit)
	stop := context.AfterFunc(ctx, cancel)
	var tx bun.Tx
	err := untilFree(waiting, func() (err error) {
		tx, err = s.writer.BeginTx(waiting, nil)
		return err
	})
	if err != nil {
		stop()
		cancel()
		return tx, err
	}
	if !stop() { // cancelled meanwhile
		_ = tx.Rollback()
		return tx, ctx.Err()
	}
	// From here on nothing cancels waiting but limit, which the caller of transact cancels in the end.
	return tx, nil
}

// commit is the only place that commits a change of a chat. The guard is told before and after: see WriteGuard.
func (s *Store) commit(limit context.Context, tx bun.Tx, write Write) error {
	outcome := Unknown // also if something below panics
	finish := s.guard.Mark(limit, write)
	defer func() { finish(outcome) }()
	if err := limit.Err(); err != nil { // marking took all the time that was left
		if tx.Rollback() == nil {
			outcome = RolledBack
		}
		return err
	}
	err := tx.Commit()
	switch {
	case err == nil:
		outcome = Committed
	case isRefusal(err) || errors.Is(err, pgx.ErrTxCommitRollback):
		outcome = RolledBack
	default:
		s.log.WarnContext(limit, "a commit's outcome is unknown", "chat", write.ChatID, "error", err)
		return Unavailable(err)
	}
	return err
}

// affected is how many rows a statement has changed.
func affected(result sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}
