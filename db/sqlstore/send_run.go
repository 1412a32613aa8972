package sqlstore

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/batch"
	"studychat/db/sqlstore/gate"
	"studychat/db/sqlstore/group"
	"studychat/db/sqlstore/postgres"
)

// run stores a batch over many chats, and returns the calls whose chats are locked by others. What cannot be in one transaction with
// the rest follows in the next ones: see divide.
func (s *sends) run(take group.Take[*batch.Send]) (busy []*batch.Call) {
	for take != nil {
		now, later, locked := s.runOnce(take)
		busy = append(busy, locked...)
		take = these(batch.Follow(now, later))
	}
	return busy
}

// these takes calls that are in the batch already.
func these(calls []*batch.Call) group.Take[*batch.Send] {
	if len(calls) == 0 {
		return nil
	}
	return func() []*batch.Call { return calls }
}

func (s *sends) runOnce(take group.Take[*batch.Send]) (now, later, busy []*batch.Call) {
	limit, cancel := context.WithTimeout(context.Background(), MaxTransaction)
	defer cancel()
	key := gate.Key("batch/" + strconv.FormatInt(s.batches.Add(1), 10)) // nothing else waits for it
	taken := false
	err := s.runWithRetry(limit, key, nil, func() error {
		err := s.inSendTx(limit, func(tx batch.Tx) (err error) {
			if !taken {
				now, later = batch.Divide(take())
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
func (s *sends) runHalves(calls []*batch.Call, err error) (busy []*batch.Call) {
	_, unknown := errors.AsType[*db.Error](err)
	if len(calls) <= 1 || unknown || errors.Is(err, gate.ErrCrowded) || isUnavailable(err) {
		failAll(calls, err)
		return nil
	}
	for _, half := range [][]*batch.Call{calls[:len(calls)/2], calls[len(calls)/2:]} {
		busy = append(busy, s.run(these(half))...)
	}
	return busy
}

// serve stores messages of a chat that is locked by somebody else: it waits for the lock, and then takes the calls.
func (s *sends) serve(chatID string, take group.Take[*batch.Send]) (again []*batch.Call, err error) {
	limit, cancel := context.WithTimeout(context.Background(), MaxTransaction)
	defer cancel()
	began := time.Now()
	var calls []*batch.Call
	err = s.runWithRetry(limit, chatKey(chatID), nil, func() error {
		return batch.InPostgres(limit, s.writer, s.hook, func(tx *batch.Postgres) error {
			if err := tx.LockChat(chatID); err != nil {
				_ = tx.Rollback()
				return err
			}
			calls = append(calls, take()...)
			now, later := batch.Divide(calls)
			busy, err := s.settle(tx, now)
			if err == nil {
				again = slices.Concat(busy, batch.Follow(now, later))
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
