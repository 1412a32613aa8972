package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/group"
	"studychat/db/sqlstore/postgres"
)

const (
	sendWorkers = 4    // in SQLite, which has one writer, 1
	sendSize    = 128  // messages in one transaction
	sendRoom    = 2000 // messages of one worker that wait
	sendKeyRoom = 1000 // messages of one chat that wait
)

// sends is the part of the Store that stores messages, in batches: see package group. A batch is one transaction over many chats.
//
// It never waits for a chat's row lock: it skips chats whose lock somebody else holds. The messages of such a chat go to its lane, which
// is a write of the chat like others: it waits at the gate and in the database, and then stores all messages that came meanwhile.
type sends struct {
	*transactions
	group *group.Group[*send]
}

// send is one call of SendMessage, and its outcome.
type send struct {
	ctx     context.Context // of the caller
	viewer  string
	message db.NewMessage

	event *db.Event
	err   error
}

type sendCall = group.Call[*send]

// sendTx is the transaction of a batch.
type sendTx interface {
	ending
	read(b *batch) error                                  // locks what the batch needs, and reads it into b
	messages(ids []string) ([]*db.Message, error)         // those that are stored
	store(messages []*db.Message, chats []*chatRow) error // by now, or with Commit
}

func newSends(t *transactions) *sends {
	s := &sends{transactions: t}
	workers := sendWorkers
	if t.dialect == SQLite {
		workers = 1
	}
	s.group = group.New(group.Options[*send]{
		Workers: workers, Size: sendSize, Room: sendRoom, KeyRoom: sendKeyRoom,
		Patience: time.Second, Wait: MaxTransaction - lockWait, // a batch that begins then has as long as a statement may wait for a lock
		Run: s.run, Serve: s.serve,
	})
	return s
}

// do sends a message in a batch.
func (s *sends) do(ctx context.Context, item *send) (*db.Event, error) {
	err := s.group.Do(ctx, item.message.ChatID, item, s.isMember(item.viewer, item.message.ChatID, "chat"))
	if err == nil {
		err = item.err
	}
	if errors.Is(err, group.ErrCrowded) {
		err = fmt.Errorf("%w: %w", gate.ErrCrowded, err)
	}
	if errors.Is(err, group.ErrStopped) {
		err = db.Unavailable(err)
	}
	if err != nil {
		return nil, s.failWriting(ctx, err)
	}
	return item.event, nil
}

// run stores a batch over many chats, and returns the calls whose chats are locked by others. One transaction cannot have two calls with
// one id, nor an answer to a message that it stores itself: those follow in the next one.
func (s *sends) run(worker int, calls []*sendCall) (busy []*sendCall) {
	for len(calls) > 0 {
		now, later := divide(calls)
		busy = append(busy, s.runOnce(worker, now)...)
		calls = follow(now, later)
	}
	return busy
}

func (s *sends) runOnce(worker int, calls []*sendCall) (busy []*sendCall) {
	limit, cancel := limitOf(calls)
	defer cancel()
	key := gate.Key(fmt.Sprint("sends/", worker))
	err := s.runWithRetry(limit, key, nil, func() (err error) {
		busy = nil
		err = s.inSendTx(limit, func(tx sendTx) (err error) {
			busy, err = s.settle(limit, tx, calls)
			return err
		})
		if postgres.IsLockTimeout(err) { // of a table, or of an id: the lanes wait better
			busy, err = calls, nil
		}
		return err
	})
	if err != nil {
		return s.runHalves(worker, calls, err)
	}
	return busy
}

// runHalves is for a batch that has failed. If a statement is at fault, one of the calls may be: its halves are tried.
func (s *sends) runHalves(worker int, calls []*sendCall, err error) (busy []*sendCall) {
	if len(calls) == 1 || !postgres.IsRefusal(err) || isUnavailable(err) {
		failAll(calls, err)
		return nil
	}
	half := len(calls) / 2
	return append(s.runOnce(worker, calls[:half]), s.runOnce(worker, calls[half:])...)
}

// serve stores messages of a chat that is locked by somebody else: it waits for the lock, and then takes the calls.
func (s *sends) serve(chatID string, take func() []*sendCall) (again []*sendCall, err error) {
	limit, cancel := context.WithTimeout(context.Background(), MaxTransaction)
	defer cancel()
	began := time.Now()
	var calls []*sendCall
	err = s.runWithRetry(limit, chatKey(chatID), nil, func() error {
		return s.inSession(limit, func(tx *sessionTx) error {
			if err := tx.lockChat(chatID); err != nil {
				return err
			}
			if calls = append(calls, take()...); len(calls) == 0 {
				return tx.Rollback()
			}
			now, later := divide(calls)
			var cancel context.CancelFunc
			tx.limit, cancel = limitOf(calls)
			defer cancel()
			busy, err := s.settle(tx.limit, tx, now)
			if err == nil {
				again = append(busy, follow(now, later)...)
			}
			return err
		})
	})
	switch {
	case err == nil:
		return again, nil
	case len(calls) > 0:
		return s.runHalves(0, calls, err), nil
	case errors.Is(err, gate.ErrCrowded) && time.Since(began) > lockWait:
		return nil, nil // those that have waited for too long have left by themselves
	}
	return nil, err
}

// settle stores what can be stored of the calls, and gives every call its outcome, except those that are busy.
func (s *sends) settle(limit context.Context, tx sendTx, calls []*sendCall) (busy []*sendCall, err error) {
	ended := false
	defer func() {
		if !ended { // after an error, a panic, or without a change
			_ = tx.Rollback()
		}
	}()
	b := newBatch(calls)
	if err := tx.read(b); err != nil {
		return nil, err
	}
	b.judge()
	if err := s.repeats(tx, b); err != nil || len(b.accepted) == 0 {
		return b.busy, err
	}
	if err := tx.store(b.stored, b.moved); err != nil {
		return nil, err
	}
	ended = true
	return b.busy, s.commit(limit, tx, b.writes()...)
}

// repeats gives the calls with the id of a stored message their outcome.
func (s *sends) repeats(tx sendTx, b *batch) error {
	if len(b.repeated) == 0 {
		return nil
	}
	var ids []string
	for _, call := range b.repeated {
		ids = append(ids, call.Item.message.ID)
	}
	messages, err := tx.messages(ids)
	for _, call := range b.repeated {
		i := slices.IndexFunc(messages, func(m *db.Message) bool { return m.ID == call.Item.message.ID })
		var first *db.Message
		if i >= 0 {
			first = messages[i]
		}
		call.Item.event, call.Item.err = repeatSend(first, call.Item, b.chats[call.Key].Epoch)
	}
	return err
}

// limitOf is the context of a batch. It ends when the oldest of the calls has taken MaxTransaction, and has the values of the first one's.
func limitOf(calls []*sendCall) (context.Context, context.CancelFunc) {
	oldest := calls[0].Began
	for _, call := range calls {
		if call.Began.Before(oldest) {
			oldest = call.Began
		}
	}
	return context.WithDeadline(context.WithoutCancel(calls[0].Item.ctx), oldest.Add(MaxTransaction))
}

// failAll gives the calls without an outcome an error. A refusal and a repeat are an outcome whatever happens to the transaction.
func failAll(calls []*sendCall, err error) {
	for _, call := range calls {
		if item := call.Item; item.err == nil && (item.event == nil || !item.event.Repeated) {
			item.event, item.err = nil, err
		}
	}
}
