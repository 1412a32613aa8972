package sqlstore

import (
	"context"
	"sync"
	"time"

	"studychat/db"
	"studychat/db/sqlstore/sqlite"
)

// pulseTimeout bounds one question. When a question takes longer than PulseEvery, the next one follows at once.
const pulseTimeout = 2 * time.Second

// renewedFor is how long Pulse.Renewed is set: until every instance has a newer pulse, what a write may take after that, and one second
// more because an epoch is a time in whole seconds.
const renewedFor = db.PulseAge + MaxTransaction + time.Second

// heartbeat asks for the pulse. Its fields belong to the goroutine that asks.
type heartbeat struct {
	*database
	changed    func(db.Pulse)
	clockWrong bool
}

// StartPulse asks for the first Pulse, and then for one every PulseEvery until stop, which waits for the last one. It calls changed
// with each, which must not block. Call it once, after MigrateUp.
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

// beat asks once. When the database does not answer, the last Pulse remains: its Horizon stays valid, and Asked tells its age.
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
		Oldest   *time.Time // beginning of the oldest transaction that may be writing
		Told     bool       // whether the server tells Oldest
		Epoch    int64
		Database string  `bun:"database_id"`
		Instance *string // with Since and Until: one Outage per row
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

// warnOfClock logs when this machine's clock begins to differ from the database's, and when they agree again.
func (s *heartbeat) warnOfClock(ctx context.Context) {
	offset := s.ClockOffset()
	wrong := offset.Abs() > ClockWarning
	if wrong == s.clockWrong {
		return
	}
	s.clockWrong = wrong
	if wrong {
		s.log.WarnContext(ctx, "this machine's clock differs from the database's, whose time is used: is it set by NTP?", "ahead_ms", offset.Milliseconds())
	} else {
		s.log.InfoContext(ctx, "this machine's clock agrees with the database's again")
	}
}

// ReportOutage tells all instances that the writes of this one do not reach the cache. The notice takes effect after in and ends
// after lasts, unless it is renewed before by another call, which does not change its beginning. Errors: UNAVAILABLE.
func (s *heartbeat) ReportOutage(ctx context.Context, instance string, in, lasts time.Duration) error {
	return s.reportOutage(ctx, instance, in, lasts)
}

func (s *database) reportOutage(ctx context.Context, instance string, in, lasts time.Duration) error {
	return s.tell(ctx, `INSERT INTO cache_outages (instance, since, until) VALUES (?0, ?1, ?2)
ON CONFLICT (instance) DO UPDATE SET until = excluded.until`, instance, s.stampIn(in), s.stampIn(lasts))
}

// EndOutage removes this instance's notice: the cache no longer holds what its writes replaced. Errors: UNAVAILABLE.
func (s *heartbeat) EndOutage(ctx context.Context, instance string) error {
	return s.endOutage(ctx, instance)
}

func (s *database) endOutage(ctx context.Context, instance string) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ?", instance)
}

// ForgetOutage removes the notice of another instance, unless that one has renewed it since. Errors: UNAVAILABLE.
func (s *heartbeat) ForgetOutage(ctx context.Context, outage db.Outage) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ? AND until = ?", outage.Instance, outage.Until)
}

// tell changes what other instances read with their pulse. It does not use the pool, all of whose connections may be waiting for
// one lock.
func (s *database) tell(ctx context.Context, statement string, args ...any) error {
	limited, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	conn := s.vitals
	if s.dialect == SQLite {
		conn = s.writer
	}
	err := sqlite.UntilFree(limited, func() error {
		_, err := conn.NewRaw(statement, args...).Exec(limited)
		return err
	})
	return s.fail(ctx, err)
}
