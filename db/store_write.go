package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
)

// maxConflicts bounds how often a write is attempted again that the database gave up because of others.
const maxConflicts = 3

// change is what a write did inside its transaction.
type change struct {
	event   *Event   // Repeated: there is nothing to commit
	members []string // Write.Members
}

// writeChat is write for what a member does in a chat. A viewer who is not a member is not told by a long wait that
// there is a chat: NOT_FOUND of what.
func (s *Store) writeChat(ctx context.Context, viewer, chatID, what string, do func(ctx context.Context, tx bun.Tx) (change, error)) (*Event, error) {
	may := func(ctx context.Context) error { return s.checkMember(ctx, viewer, chatID, what) }
	return s.write(ctx, chatLane(chatID), may, do)
}

// write runs one write in a transaction and answers with its event. It passes the gate in its lane; who may wait there for
// long, may says, unless it is nil. do runs again from the start when the database gives the transaction up because of others.
func (s *Store) write(ctx context.Context, in lane, may func(context.Context) error, do func(ctx context.Context, tx bun.Tx) (change, error)) (*Event, error) {
	// A caller who goes away ends the statements but not a COMMIT under way: that would leave the outcome unknown for
	// nothing. So the transaction lives under limit, the statements under both.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxTransaction)
	defer cancel()
	deadline, _ := limit.Deadline()
	both, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var event *Event
	err := s.inTurn(both, in, may, func() (err error) {
		event, err = s.transact(both, limit, do)
		return err
	})
	if err != nil {
		return nil, s.failWriting(ctx, err)
	}
	return event, nil
}

// statement runs one statement that writes, and passes the gate in its lane. It returns how many rows have changed.
func (s *Store) statement(ctx context.Context, in lane, do func(ctx context.Context) (sql.Result, error)) (rows int64, err error) {
	limited, cancel := context.WithTimeout(ctx, MaxTransaction)
	defer cancel()
	err = s.inTurn(limited, in, nil, func() error {
		return untilFree(limited, func() (err error) {
			rows, err = affected(do(limited))
			return err
		})
	})
	return rows, s.failWriting(ctx, err)
}

// inTurn passes the gate and attempts a write, again when the database gave it up because of others, until ctx ends. An attempt
// that may be cut short is not begun: that costs the connection, and the server learns of it late.
func (s *Store) inTurn(ctx context.Context, in lane, may func(context.Context) error, attempt func() error) error {
	start := time.Now()
	deadline, _ := ctx.Deadline()
	pass, err := s.gate.enter(ctx, in, may)
	if err != nil {
		return err
	}
	defer pass.leave()
	for conflicts := 0; time.Since(start) < MaxTransaction-lockWait; {
		err := attempt()
		switch {
		case isLockTimeout(err):
			if err := pass.again(ctx); err != nil {
				return err
			}
		case isConflict(err) && conflicts < maxConflicts:
			conflicts++
		case err != nil && time.Until(deadline) <= 0: // not ctx.Err: what attempt is bounded by may end before ctx
			return fmt.Errorf("%w: %w", errCrowded, err)
		case err != nil:
			return err
		default:
			pass.moved()
			return nil
		}
	}
	return errCrowded
}

// transact is one attempt of a write. ctx ends with limit at the latest.
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
	changed, err := do(ctx, tx)
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
