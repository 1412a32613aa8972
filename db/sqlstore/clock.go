package sqlstore

import (
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"studychat/db"
)

const (
	// ClockWarning is how far the clock of this machine may be from the database's before a warning is logged.
	ClockWarning = time.Second

	// MaxClockOffset is how far it may be before the instance reports that it is not ready. The server itself uses the database's
	// time. But a machine with such a clock needs repair, and the check of TLS certificates, which uses it, may fail.
	MaxClockOffset = time.Minute
)

// clock tells the database's time. The store compares stored times and those of other instances with it, because the clocks of
// the machines may differ by any amount.
//
// Between two measurements it follows this machine's monotonic clock, which does not change when the time is set. It measures as
// NTP does (RFC 5905, 8): the database's answer belongs to the middle of the round trip, with an error of at most half of it.
type clock struct{ reading atomic.Pointer[clockReading] }

// clockReading is one measurement.
type clockReading struct {
	at    time.Time // by this machine, in the middle of the round trip
	time  time.Time // by the database
	error time.Duration
}

// maxDrift is more than two clocks of ordinary machines drift apart, per second (500 ppm).
const maxDrift = 500 * time.Microsecond

// Now is the database's time as the database keeps it: UTC, microseconds.
func (c *clock) Now() time.Time {
	r := c.reading.Load()
	if r == nil { // before the first measurement, and for SQLite, which uses this machine's time
		return now()
	}
	return r.now().UTC().Truncate(time.Microsecond)
}

func (r *clockReading) now() time.Time { return r.time.Add(time.Since(r.at)) }

// offset is how far this machine's clock is ahead of the database's.
func (c *clock) offset() time.Duration {
	r := c.reading.Load()
	if r == nil {
		return 0
	}
	return time.Now().Round(0).Sub(r.now()) // Round removes the monotonic reading: the wall clock counts here
}

// measured takes in the database's answer to a question that was asked before and answered after. It replaces the last
// measurement when it is more precise or contradicts it: the database's clock was set, or this machine slept.
func (c *clock) measured(before, after, answer time.Time) {
	next := &clockReading{at: before.Add(after.Sub(before) / 2), time: answer, error: after.Sub(before) / 2}
	last := c.reading.Load()
	if last != nil {
		age := next.at.Sub(last.at)
		doubt := last.error + time.Duration(age.Seconds()*float64(maxDrift))
		apart := answer.Sub(last.time.Add(age)).Abs()
		if next.error > doubt && apart <= doubt+next.error {
			return
		}
	}
	c.reading.Store(next)
}

// now is this machine's time, as the database keeps it: UTC, microseconds, so that a read returns exactly what a write returned.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Now is the database's time. The pulse measures its difference to this machine's clock twice a second.
func (s *database) Now() time.Time { return s.clock.Now() }

// ClockOffset is how far this machine's clock is ahead of the database's.
func (s *database) ClockOffset() time.Duration { return s.clock.offset() }

// Horizon is Pulse.Horizon of the newest Pulse. Before the first one it lies before any write that may be running.
func (s *database) Horizon() time.Time {
	if p := s.Pulse(); p != nil {
		return p.Horizon
	}
	return s.Now().Add(-boundlessWrite)
}

// Pulse returns the newest Pulse, or nil before the first. It never waits.
func (s *database) Pulse() *db.Pulse { return s.newest.Load() }

// boundlessWrite is the assumed length of a write where the database does not tell when it began: MaxTransaction, and longer for
// a server that continues although the store has given up.
const boundlessWrite = MaxTransaction + 15*time.Second

// stamp is the time that a statement gives to what it writes. PostgreSQL stamps by itself, because no measurement is good enough
// for the promise of Pulse.Horizon. It is the time of a statement after BEGIN, when the server already lists the transaction.
func (s *database) stamp() schema.QueryWithArgs {
	if s.dialect == Postgres {
		return bun.SafeQuery("statement_timestamp()")
	}
	return bun.SafeQuery("?", s.Now())
}

// stampIn is the time after d, by the same clock.
func (s *database) stampIn(d time.Duration) schema.QueryWithArgs {
	if s.dialect == Postgres {
		return bun.SafeQuery("statement_timestamp() + ? * INTERVAL '1 microsecond'", d.Microseconds())
	}
	return bun.SafeQuery("?", s.Now().Add(d))
}
