package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/group"
	"studychat/db/sqlstore/postgres"
)

const (
	sendSize    = 128  // messages in one transaction
	sendRoom    = 4000 // messages that wait
	sendKeyRoom = 1000 // messages of one chat that wait
)

// sends is the part of the Store that stores messages, in batches: see package group. A batch is one transaction over many chats.
//
// It never waits for a chat's row lock: it skips chats whose lock somebody else holds. The messages of such a chat go to its lane, which
// is a write of the chat like others: it waits at the gate and in the database, and then stores all messages that came meanwhile.
type sends struct {
	*transactions
	group   *group.Group[*send]
	batches atomic.Int64
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
	within(limit context.Context)                         // bounds what follows
	read(b *batch) error                                  // locks what the batch needs, and reads it into b
	messages(ids []string) ([]*db.Message, error)         // those that are stored
	store(messages []*db.Message, chats []*chatRow) error // by now, or with Commit
}

// parallel is how many batches run at the same time. Few callers are answered soonest each by a transaction of their own; of many,
// larger batches answer more.
func parallel(calls int) int {
	switch {
	case calls <= 8:
		return 8
	case calls <= 32:
		return 4
	}
	return 3
}

// newSends makes the sends. slots is how many connections writes may have.
func newSends(t *transactions, slots int) *sends {
	s := &sends{transactions: t}
	most := max(1, slots/2)
	s.group = group.New(group.Options[*send]{
		Parallel: func(calls int) int { return min(most, parallel(calls)) }, Size: sendSize, Room: sendRoom, KeyRoom: sendKeyRoom,
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

// run stores a batch over many chats, and returns the calls whose chats are locked by others. What cannot be in one transaction with
// the rest follows in the next ones: see divide.
func (s *sends) run(take group.Take[*send]) (busy []*sendCall) {
	for take != nil {
		now, later, locked := s.runOnce(take)
		busy = append(busy, locked...)
		take = these(follow(now, later))
	}
	return busy
}

// these takes calls that are in the batch already.
func these(calls []*sendCall) group.Take[*send] {
	if len(calls) == 0 {
		return nil
	}
	return func() []*sendCall { return calls }
}

func (s *sends) runOnce(take group.Take[*send]) (now, later, busy []*sendCall) {
	limit, cancel := context.WithTimeout(context.Background(), MaxTransaction)
	defer cancel()
	key := gate.Key("batch/" + strconv.FormatInt(s.batches.Add(1), 10)) // nothing else waits for it
	taken := false
	err := s.runWithRetry(limit, key, nil, func() error {
		err := s.inSendTx(limit, func(tx sendTx) (err error) {
			if !taken {
				now, later = divide(take())
				taken = true
			}
			busy, err = s.settle(tx, now)
			return err
		})
		if postgres.IsLockTimeout(err) { // of a table: the lanes wait better
			busy, err = now, nil
		}
		return err
	})
	if err != nil && !taken { // for these it did not begin
		now = take()
		failAll(now, err)
		return now, nil, nil
	}
	if err != nil {
		busy = s.runHalves(now, err)
	}
	return now, later, busy
}

// runHalves is for a batch that has failed. If the reason may be one of the calls, the halves of the batch are tried.
func (s *sends) runHalves(calls []*sendCall, err error) (busy []*sendCall) {
	_, unknown := errors.AsType[*db.Error](err)
	if len(calls) <= 1 || unknown || errors.Is(err, gate.ErrCrowded) || isUnavailable(err) {
		failAll(calls, err)
		return nil
	}
	for _, half := range [][]*sendCall{calls[:len(calls)/2], calls[len(calls)/2:]} {
		busy = append(busy, s.run(these(half))...)
	}
	return busy
}

// serve stores messages of a chat that is locked by somebody else: it waits for the lock, and then takes the calls.
func (s *sends) serve(chatID string, take group.Take[*send]) (again []*sendCall, err error) {
	limit, cancel := context.WithTimeout(context.Background(), MaxTransaction)
	defer cancel()
	began := time.Now()
	var calls []*sendCall
	err = s.runWithRetry(limit, chatKey(chatID), nil, func() error {
		return s.inSession(limit, func(tx *sessionTx) error {
			if err := tx.lockChat(chatID); err != nil {
				_ = tx.Rollback()
				return err
			}
			calls = append(calls, take()...)
			now, later := divide(calls)
			busy, err := s.settle(tx, now)
			if err == nil {
				again = slices.Concat(busy, follow(now, later))
			}
			return err
		})
	})
	switch {
	case err == nil:
		return again, nil
	case len(calls) > 0:
		return s.runHalves(calls, err), nil
	case errors.Is(err, gate.ErrCrowded) && time.Since(began) > lockWait:
		return nil, nil // those that have waited for too long have left by themselves
	}
	return nil, err
}

// settle stores what can be stored of the calls, and gives every call its outcome, except those that are busy.
func (s *sends) settle(tx sendTx, calls []*sendCall) (busy []*sendCall, err error) {
	ended := false
	defer func() {
		if !ended { // after an error, a panic, or without a change
			_ = tx.Rollback()
		}
	}()
	if len(calls) == 0 { // all callers have left
		return nil, nil
	}
	limit, cancel := limitOf(calls)
	defer cancel()
	tx.within(limit)
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
	err = s.commit(limit, tx, b.writes()...)
	if err == nil && len(b.accepted) > 1 {
		db.NewBatch(b.events())
	}
	return b.busy, err
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
