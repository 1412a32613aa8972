package sqlstore

import (
	"context"

	"studychat/db"
	"studychat/db/sqlstore/batch"
)

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
	limit, cancel := limitOf(calls)
	defer cancel()
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

// limitOf is the context of a batch. It ends when the oldest of the calls has taken MaxTransaction, and has the values of the first one's.
func limitOf(calls []*batch.Call) (context.Context, context.CancelFunc) {
	oldest := calls[0].Began
	for _, call := range calls {
		if call.Began.Before(oldest) {
			oldest = call.Began
		}
	}
	return context.WithDeadline(context.WithoutCancel(calls[0].Item.Ctx), oldest.Add(MaxTransaction))
}

// failAll gives the calls without an outcome an error. A refusal and a repeat are an outcome whatever happens to the transaction.
func failAll(calls []*batch.Call, err error) {
	for _, call := range calls {
		if item := call.Item; item.Err == nil && (item.Event == nil || !item.Event.Repeated) {
			item.Event, item.Err = nil, err
		}
	}
}
