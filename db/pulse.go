package db

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"
)

// pulseTimeout bounds one question. After one that took longer than PulseEvery the next one follows at once.
const pulseTimeout = 2 * time.Second

// pulse is the newest Pulse, and who is told of each. The last two belong to the goroutine that asks.
type pulse struct {
	newest     atomic.Pointer[Pulse]
	changed    func(Pulse)
	clockWrong bool
}

// Pulse returns the newest one, or nil before the first. It never waits.
func (s *Store) Pulse() *Pulse { return s.pulse.newest.Load() }

// Horizon is Pulse.Horizon of the newest Pulse. Before the first one it is the time before any possible write that runs.
func (s *Store) Horizon() time.Time {
	if p := s.Pulse(); p != nil {
		return p.Horizon
	}
	return s.Now().Add(-boundlessWrite)
}

// boundlessWrite is how long a write is taken to last where the database does not tell when it began: MaxTransaction, and
// longer for a server that goes on although we gave up.
const boundlessWrite = MaxTransaction + 15*time.Second

// Now is the database's time, of which this instance measures the difference to its own clock twice a second.
func (s *Store) Now() time.Time { return s.clock.Now() }

// ClockOffset is how far this machine's clock is ahead of the database's.
func (s *Store) ClockOffset() time.Duration { return s.clock.offset() }

// StartPulse asks for the first Pulse, and then again and again until stop, which waits for the last one. Each answer is
// handed to changed, which must not block. It is meant for after MigrateUp; once.
func (s *Store) StartPulse(ctx context.Context, changed func(Pulse)) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	s.pulse.changed = changed
	s.beat(ctx)
	var beating sync.WaitGroup
	beating.Go(func() {
		tick := time.NewTicker(PulseEvery)
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
func (s *Store) beat(ctx context.Context) {
	p, err := s.askPulse(ctx)
	if err != nil {
		s.log.DebugContext(ctx, "the database gives no pulse", "error", err)
		return
	}
	s.sawEpoch(p.Epoch)
	s.warnOfClock(ctx)
	s.pulse.newest.Store(p)
	s.pulse.changed(*p)
}

func (s *Store) askPulse(ctx context.Context) (*Pulse, error) {
	limited, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	var rows []struct {
		Now      time.Time
		Oldest   *time.Time // when the oldest transaction began that may be writing
		Told     bool       // whether the server tells
		Epoch    int64
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
	p := &Pulse{Asked: before}
	for i, row := range rows {
		if i == 0 {
			if s.dialect == Postgres {
				s.clock.measured(before, after, row.Now)
			}
			p.Epoch, p.Horizon = row.Epoch, row.Now
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
			p.Outages = append(p.Outages, Outage{
				Instance: *row.Instance, In: row.Since.Sub(row.Now), Over: row.Until.Before(p.Horizon), Until: row.Until,
			})
		}
	}
	return p, nil
}

// warnOfClock says when this machine's clock begins to differ from the database's, and when it does no more.
func (s *Store) warnOfClock(ctx context.Context) {
	offset := s.ClockOffset()
	wrong := offset.Abs() > ClockWarning
	if wrong == s.pulse.clockWrong {
		return
	}
	s.pulse.clockWrong = wrong
	if wrong {
		s.log.WarnContext(ctx, "this machine's clock differs from the database's, whose time is used: is it set by NTP?", "ahead", offset.Round(time.Millisecond).String())
	} else {
		s.log.InfoContext(ctx, "this machine's clock agrees with the database's again")
	}
}

// ReportOutage tells all instances that the writes of this one do not reach the cache. It counts after in, and ends after
// lasts unless this is called again before; that does not change when it began. Errors: UNAVAILABLE.
func (s *Store) ReportOutage(ctx context.Context, instance string, in, lasts time.Duration) error {
	return s.tell(ctx, `INSERT INTO cache_outages (instance, since, until) VALUES (?0, ?1, ?2)
ON CONFLICT (instance) DO UPDATE SET until = excluded.until`, instance, s.stampIn(in), s.stampIn(lasts))
}

// EndOutage takes the notice of this instance back: what its writes replaced is out of the cache. Errors: UNAVAILABLE.
func (s *Store) EndOutage(ctx context.Context, instance string) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ?", instance)
}

// ForgetOutage takes away the notice of another instance, unless that one has renewed it since. Errors: UNAVAILABLE.
func (s *Store) ForgetOutage(ctx context.Context, outage Outage) error {
	return s.tell(ctx, "DELETE FROM cache_outages WHERE instance = ? AND until = ?", outage.Instance, outage.Until)
}

// tell changes what others learn by their pulse. It does not wait for the pool: that may be empty because all connections wait
// for one lock.
func (s *Store) tell(ctx context.Context, statement string, args ...any) error {
	limited, cancel := context.WithTimeout(ctx, pulseTimeout)
	defer cancel()
	conn := s.vitals
	if s.dialect == SQLite {
		conn = s.writer
	}
	err := untilFree(limited, func() error {
		_, err := conn.NewRaw(statement, args...).Exec(limited)
		return err
	})
	return s.fail(ctx, err)
}

// stamp is the time that a statement gives to what it writes. PostgreSQL has it of its own: no measurement would do for what
// Pulse.Horizon promises. It is that of a statement after BEGIN, by when the server tells of the transaction.
func (s *Store) stamp() schema.QueryWithArgs {
	if s.dialect == Postgres {
		return bun.SafeQuery("statement_timestamp()")
	}
	return bun.SafeQuery("?", s.Now())
}

// stampIn is the time after d, by the same clock.
func (s *Store) stampIn(d time.Duration) schema.QueryWithArgs {
	if s.dialect == Postgres {
		return bun.SafeQuery("statement_timestamp() + ? * INTERVAL '1 microsecond'", d.Microseconds())
	}
	return bun.SafeQuery("?", s.Now().Add(d))
}
