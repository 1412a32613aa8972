package sqlstore

import (
	"context"
	"sync"
	"time"

	"studychat/db"
)

// pulseTimeout bounds one question. After one that took longer than PulseEvery the next one follows at once.
const pulseTimeout = 2 * time.Second

// renewedFor is how long Pulse.Renewed is set: two seconds in which every instance has a newer pulse, what a write may take after
// that, and one more because an epoch is a time in whole seconds.
const renewedFor = 2*time.Second + MaxTransaction + time.Second

// heartbeat asks for the pulse. Its fields belong to the goroutine that asks.
type heartbeat struct {
	*database
	changed    func(db.Pulse)
	clockWrong bool
}

// StartPulse asks for the first Pulse, and then again and again until stop, which waits for the last one. Each answer is
// handed to changed, which must not block. It is meant for after MigrateUp; once.
func (s *heartbeat) StartPulse(ctx context.Context, changed func(db.Pulse)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.changed = changed
	s.beat(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		tick := time.NewTicker(db.PulseEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				s.beat(ctx)
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		beating.Wait()
	}
}

// beat asks once. When the database does not answer, the last Pulse remains: its Horizon stays true, and Asked tells its
// age.
func (s *heartbeat) beat(ctx context.Context) {
	p, err := s.askPulse(ctx)
	if err != nil {
		s.log.DebugContext(ctx, "the database gives no pulse", "error", err)
		return
	}
	s.sawEpoch(p.Epoch)
	s.warnOfClock(ctx)
	s.newest.Store(p)
	s.changed(*p)
}

func (s *heartbeat) askPulse(ctx context.Context) (*db.Pulse, error) {
	limited, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	var rows []struct {
		Now      time.Time
		Oldest   *time.Time // when the oldest transaction began that may be writing
		Told     bool       // whether the server tells
		Epoch    int64
		Database string  `bun:"database_id"`
		Instance *string // with the other two: of an Outage, one a row
		Since    time.Time
		Until    time.Time
	}
	before := time.Now()
	err := s.vitals.NewRaw(s.traits.pulse, s.stamp()).Scan(limited, &rows)
	after := time.Now()
	if err != nil {
		return nil, s.fail(ctx, err)
	}
	p := &db.Pulse{Asked: before}
	for i, row := range rows {
		if i == 0 {
			if s.dialect == Postgres {
				s.clock.measured(before, after, row.Now)
			}
			p.Epoch, p.Horizon = row.Epoch, row.Now
			p.Database, p.Renewed = row.Database, row.Now.Sub(time.Unix(row.Epoch, 0)) < renewedFor
			switch {
			case s.dialect == SQLite:
				p.Horizon = s.sqliteHorizon(ctx, row.Now)
			case !row.Told:
				p.Horizon = row.Now.Add(-boundlessWrite)
			case row.Oldest != nil && row.Oldest.Before(row.Now):
				p.Horizon = *row.Oldest
			}
		}
		if row.Instance != nil {
			p.Outages = append(p.Outages, db.Outage{
				Instance: *row.Instance, In: row.Since.Sub(row.Now), Over: row.Until.Before(p.Horizon), Until: row.Until,
			})
		}
	}
	return p, nil
}

// warnOfClock says when this machine's clock begins to differ from the database's, and when it does no more.
func (s *heartbeat) warnOfClock(ctx context.Context) {
	offset := s.ClockOffset()
	wrong := offset.Abs() > ClockWarning
	if wrong == s.clockWrong {
		return
	}
	s.clockWrong = wrong
	if wrong {
		s.log.WarnContext(ctx, "this machine's clock differs from the database's, whose time is used: is it set by NTP?", "ahead", offset.Round(time.Millisecond).String())
	} else {
		s.log.InfoContext(ctx, "this machine's clock agrees with the database's again")
	}
}

// sqliteHorizonWait is how long the pulse waits for the write lock. While a write takes longer, the horizon stays.
const sqliteHorizonWait = 100 * time.Millisecond

// sqliteHorizon is Pulse.Horizon of a database that does not tell when transactions began. It has one write at a time, also of several
// processes, and each is stamped by this machine's clock once it has the write lock. So a process that holds the lock for a moment
// knows that no write is under way, and that all later writes get later stamps.
func (s *heartbeat) sqliteHorizon(ctx context.Context, now time.Time) time.Time {
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
