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

	// MaxClockOffset is how far it may be before the instance is not ready. What the server decides does not depend on it: it
	// goes by the database's time. But a machine whose clock is that wrong is not in order, and TLS certificates, which are
	// checked against it, may seem to be invalid.
	MaxClockOffset = time.Minute
)

// clock tells the database's time. Whatever is compared with what is stored, or with what another instance says, goes by it:
// the clocks of the machines that instances run on may differ by any amount.
//
// Between two measurements it goes on by this machine's monotonic clock, which no setting of the time disturbs. The
// measurement is that of NTP (RFC 5905, 8): the database's answer belongs to the middle of the round trip, or half of it
// away at most.
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
	if r == nil { // nothing was measured yet, or this is SQLite, whose time is ours
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
	return time.Now().Round(0).Sub(r.now()) // Round takes the monotonic reading away: it is the wall clock that is judged
}

// measured takes in what the database said between two moments. A measurement is kept until there is one that is sharper,
// or contradicts it: the database's clock was set, or this machine slept.
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

// now is this machine's time, as the database keeps it: UTC, microseconds, so that what a write returns equals what a read
// finds.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Now is the database's time, of which this instance measures the difference to its own clock twice a second.
func (s *database) Now() time.Time { return s.clock.Now() }

// ClockOffset is how far this machine's clock is ahead of the database's.
func (s *database) ClockOffset() time.Duration { return s.clock.offset() }

// Horizon is Pulse.Horizon of the newest Pulse. Before the first one it is the time before any possible write that runs.
func (s *database) Horizon() time.Time {
	if p := s.Pulse(); p != nil {
		return p.Horizon
	}
	return s.Now().Add(-boundlessWrite)
}

// Pulse returns the newest one, or nil before the first. It never waits.
func (s *database) Pulse() *db.Pulse { return s.newest.Load() }

// boundlessWrite is how long a write is taken to last where the database does not tell when it began: MaxTransaction, and
// longer for a server that goes on although we gave up.
const boundlessWrite = MaxTransaction + 15*time.Second

// stamp is the time that a statement gives to what it writes. PostgreSQL has it of its own: no measurement would do for what
// Pulse.Horizon promises. It is that of a statement after BEGIN, by when the server tells of the transaction.
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
