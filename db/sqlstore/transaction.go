package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/uptrace/bun"

	"studychat/db"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/postgres"
	"studychat/db/sqlstore/sqlite"
)

// transactions runs what writes.
type transactions struct {
	*database
	guard db.WriteGuard
	gate  *gate.Gate // to writer
}

// maxConflicts bounds the repeats of a write that the database aborted because of a concurrent one.
const maxConflicts = 3

// The keys of what writes lock. A chat's key is its id, also before the chat exists.
func chatKey(id string) gate.Key             { return gate.Key(id) }
func memberKey(chatID, user string) gate.Key { return gate.Key("member/" + chatID + "/" + user) }
func userKey(id string) gate.Key             { return gate.Key("user/" + id) }
func moduleKey(id string) gate.Key           { return gate.Key("module/" + id) }

const metaKey gate.Key = "meta"

// change is what a write has done inside its transaction.
type change struct {
	event   *db.Event // nothing is committed when it is Repeated
	members []string  // Write.Members
}

// writeChat is write for a member of a chat. Others get NOT_FOUND of what, also when the chat is busy: otherwise a long wait would
// reveal that the chat exists.
func (s *transactions) writeChat(ctx context.Context, viewer, chatID, what string, do func(ctx context.Context, tx bun.Tx) (change, error)) (*db.Event, error) {
	return s.write(ctx, chatKey(chatID), s.isMember(viewer, chatID, what), do)
}

// isMember checks that the viewer is a member of a chat, which may be deleted.
func (s *transactions) isMember(viewer, chatID, what string) func(context.Context) error {
	return func(ctx context.Context) error {
		return s.query(ctx, func(ctx context.Context, conn bun.IDB) error {
			return mustFind(ctx, conn.NewSelect().TableExpr("chat_members").Where("chat_id = ? AND user_id = ?", chatID, viewer), what)
		})
	}
}

// inChat is writeChat for most writes: do gets the locked chat, and returns the event to store.
func (s *transactions) inChat(ctx context.Context, viewer, chatID, what string, do func(ctx context.Context, tx bun.Tx, e *lockedChat) (*db.Event, error)) (*db.Event, error) {
	return s.writeChat(ctx, viewer, chatID, what, func(ctx context.Context, tx bun.Tx) (change, error) {
		e, err := s.lockChat(ctx, tx, viewer, chatID, what, "")
		if err != nil {
			return change{}, err
		}
		event, err := do(ctx, tx, e)
		if err != nil || event.Repeated {
			return change{event: event}, err
		}
		return e.change(event), storeEvent(ctx, tx, event)
	})
}

// write runs one write in a transaction and returns its event. It passes the gate with the key; before a long wait there, may says
// whether the viewer is allowed to (nil: always). do runs again from the start when the database aborts the transaction because of
// a concurrent one.
func (s *transactions) write(ctx context.Context, key gate.Key, may func(context.Context) error, do func(ctx context.Context, tx bun.Tx) (change, error)) (*db.Event, error) {
	// When the caller goes away, the statements end but a running COMMIT does not: its outcome would be unknown for no reason. So
	// the transaction has the context limit, the statements have both.
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), MaxTransaction)
	defer cancel()
	deadline, _ := limit.Deadline()
	both, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	var event *db.Event
	err := s.runWithRetry(both, key, may, func() (err error) {
		event, err = s.transact(both, limit, do)
		return err
	})
	if err != nil {
		return nil, s.failWriting(ctx, err)
	}
	if s.tracer != nil && !event.Repeated {
		event.Trace = s.tracer.Traceparent(ctx)
	}
	return event, nil
}

// statement runs one statement that writes, without a chat's lock and number and without the guard. It passes the gate with the key, and
// returns how many rows it has changed.
func (s *transactions) statement(ctx context.Context, key gate.Key, q interface {
	Exec(ctx context.Context, dest ...any) (sql.Result, error)
}) (rows int64, err error) {
	limited, cancel := context.WithTimeout(ctx, MaxTransaction)
	defer cancel()
	err = s.runWithRetry(limited, key, nil, func() error {
		return sqlite.UntilFree(limited, func() (err error) {
			rows, err = affected(q.Exec(limited))
			return err
		})
	})
	return rows, s.failWriting(ctx, err)
}

// runWithRetry passes the gate and attempts a write, again when the database aborts it because of a concurrent one, until ctx ends.
// It begins no attempt that the deadline may interrupt: that costs the connection, and the server learns of it late.
func (s *transactions) runWithRetry(ctx context.Context, key gate.Key, may func(context.Context) error, attempt func() error) error {
	start := time.Now()
	deadline, _ := ctx.Deadline()
	pass, err := s.gate.Enter(ctx, key, may)
	if err != nil {
		return err
	}
	defer pass.Leave()
	for conflicts := 0; time.Since(start) < MaxTransaction-lockWait; {
		err := attempt()
		switch {
		case postgres.IsLockTimeout(err):
			if err := pass.Again(ctx); err != nil {
				return err
			}
		case postgres.IsConflict(err) && conflicts < maxConflicts:
			conflicts++
		case err != nil && time.Until(deadline) <= 0: // not ctx.Err: the attempt's own context may end before ctx
			return fmt.Errorf("%w: %w", gate.ErrCrowded, err)
		case err != nil:
			return err
		default:
			pass.Moved()
			return nil
		}
	}
	return gate.ErrCrowded
}

// transact is one attempt of a write. ctx ends with limit at the latest.
func (s *transactions) transact(ctx, limit context.Context, do func(ctx context.Context, tx bun.Tx) (change, error)) (*db.Event, error) {
	tx, err := s.begin(ctx, limit)
	if err != nil {
		return nil, err
	}
	ended := false
	defer func() {
		if !ended { // after an error, a panic, or without a change: gives the number back
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
	err = s.commit(limit, tx, db.Write{ChatID: changed.event.ChatID, Members: changed.members})
	ended = true
	return changed.event, err
}

// begin starts a transaction with the context limit, unless the caller gives up before it has begun.
func (s *transactions) begin(ctx, limit context.Context) (bun.Tx, error) {
	waiting, cancel := context.WithCancel(limit)
	stop := context.AfterFunc(ctx, cancel)
	var tx bun.Tx
	err := sqlite.UntilFree(waiting, func() (err error) {
		tx, err = s.writer.BeginTx(waiting, nil)
		return err
	})
	if err != nil {
		stop()
		cancel()
		return tx, err
	}
	if !stop() { // cancelled in between
		_ = tx.Rollback()
		return tx, ctx.Err()
	}
	// From here on only limit ends waiting. The caller of transact cancels limit in the end.
	return tx, nil
}

// ending is how a transaction ends.
type ending interface {
	Commit() error
	Rollback() error
}

// outcomes names how a commit ends, for counting.
var outcomes = map[db.Outcome]string{db.Committed: "committed", db.RolledBack: "rolled_back", db.Unknown: "unknown"}

// commit is the only place that commits changes of chats. It tells the guard before and after: see WriteGuard.
func (s *transactions) commit(limit context.Context, tx ending, writes ...db.Write) error {
	outcome := db.Unknown // also after a panic below
	finish := s.guard.Mark(limit, writes...)
	began, traced := time.Now(), func(string) {}
	if s.tracer != nil {
		traced = s.tracer.Commit(limit)
	}
	defer func() {
		s.stats.Commits.Of(outcomes[outcome]).Since(began)
		traced(outcomes[outcome])
		finish(outcome)
	}()
	if err := limit.Err(); err != nil { // Mark took the rest of the time
		if tx.Rollback() == nil {
			outcome = db.RolledBack
		}
		return err
	}
	err := tx.Commit()
	switch {
	case err == nil:
		outcome = db.Committed
	case isRefusal(err):
		outcome = db.RolledBack
	default:
		s.log.WarnContext(limit, "a commit's outcome is unknown", "chat", writes[0].ChatID, "chats", len(writes), "error", err)
		return db.Unavailable(err)
	}
	return err
}

// failWriting is fail for a write. A write that met too many others gets an error that says when to come back.
func (s *transactions) failWriting(ctx context.Context, err error) error {
	if _, ok := errors.AsType[*db.Error](err); !ok && ctx.Err() == nil && errors.Is(err, gate.ErrCrowded) {
		return crowded(err)
	}
	return s.fail(ctx, err)
}

// isRefusal says whether err proves that the database did not commit.
func isRefusal(err error) bool {
	return postgres.IsRefusal(err) || sqlite.IsRefusal(err) || errors.Is(err, sql.ErrTxDone) // its time ran out before COMMIT was sent
}

// crowded tells a client to come back later. The time is random, so that clients do not all come back at once.
func crowded(cause error) *db.Error {
	return &db.Error{
		Code: db.CodeUnavailable, Message: "The service is too busy at the moment. Please try again.", Err: cause,
		RetryAfter: time.Second + rand.N(time.Second), //nolint:gosec // nobody gains by guessing it
	}
}

// isCrowded says whether err is from crowded.
func isCrowded(err error) bool {
	own, ok := errors.AsType[*db.Error](err)
	return ok && own.Code == db.CodeUnavailable && own.RetryAfter > 0
}
