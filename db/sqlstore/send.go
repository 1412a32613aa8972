package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/batch"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/group"
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
	group   *group.Group[*batch.Send]
	batches atomic.Int64
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
	s.group = group.New(group.Options[*batch.Send]{
		Parallel: func(calls int) int { return min(most, parallel(calls)) }, Size: sendSize, Room: sendRoom, KeyRoom: sendKeyRoom,
		Patience: time.Second, Wait: MaxTransaction - lockWait, // a batch that begins then has as long as a statement may wait for a lock
		Run: s.run, Serve: s.serve,
	})
	return s
}

// do sends a message in a batch.
func (s *sends) do(ctx context.Context, item *batch.Send) (*db.Event, error) {
	err := s.group.Do(ctx, item.Message.ChatID, item, s.isMember(item.Viewer, item.Message.ChatID, "chat"))
	if err == nil {
		err = item.Err
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
	return item.Event, nil
}

// settle stores what can be stored of the calls, and gives every call its outcome, except those that are busy.
func (s *sends) settle(tx batch.Tx, calls []*batch.Call) (busy []*batch.Call, err error) {
	ended := false
	defer func() {
		if !ended { // after an error, a panic, or without a change
			_ = tx.Rollback()
		}
	}()
	if len(calls) == 0 { // all callers have left
		return nil, nil
	}
	limit, cancel := batch.Limit(calls, MaxTransaction)
	defer cancel()
	if s.tracer != nil {
		var end func()
		limit, end = s.tracer.Batch(limit, batch.Contexts(calls))
		defer end()
	}
	tx.Within(limit)
	b := batch.New(calls)
	if err := judge(tx, b); err != nil || len(b.Accepted) == 0 {
		return b.Busy, err
	}
	if err := tx.Store(b.Messages, b.Moved); err != nil {
		return nil, err
	}
	ended = true
	err = s.commit(limit, tx, b.Writes()...)
	if err == nil {
		s.stats.Batches.Observe(len(b.Accepted))
	}
	if err == nil && s.tracer != nil {
		for _, call := range b.Accepted {
			call.Item.Event.Trace = s.tracer.Traceparent(call.Item.Ctx)
		}
	}
	if err == nil && len(b.Accepted) > 1 {
		db.NewBatch(b.Events())
	}
	return b.Busy, err
}

// judge reads what decides about the calls, and decides.
func judge(tx batch.Tx, b *batch.Batch) error {
	if err := tx.Read(b); err != nil {
		return err
	}
	b.Judge()
	if len(b.Repeated) == 0 {
		return nil
	}
	stored, err := tx.Stored(b.RepeatedIDs())
	if err == nil {
		b.Repeat(stored)
	}
	return err
}

// inSendTx runs do in a transaction. Nothing of it is left open.
func (s *sends) inSendTx(limit context.Context, do func(tx batch.Tx) error) error {
	if s.dialect == Postgres {
		return batch.InPostgres(limit, s.writer, s.hook, func(tx *batch.Postgres) error { return do(tx) })
	}
	tx, err := s.begin(limit, limit)
	if err != nil {
		return err
	}
	return do(batch.NewSQLite(s.writer, tx, s.Now()))
}
