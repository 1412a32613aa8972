package sqlstore

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		if got := c.Now(); !got.Equal(time.Now()) {
			t.Errorf("before the first measurement: %v, want our own time %v", got, time.Now())
		}
		ahead := func(d time.Duration) time.Time { return time.Now().Add(d) } // what a database says that is d ahead
		isAhead := func(what string, want time.Duration) {
			t.Helper()
			if got := time.Until(c.Now()); got.Abs() > want.Abs()+time.Microsecond || (got-want).Abs() > time.Microsecond {
				t.Errorf("%s: %v ahead of us, want %v", what, got, want)
			}
			if got := c.offset(); (got + want).Abs() > time.Microsecond {
				t.Errorf("%s: offset %v, want %v", what, got, -want)
			}
		}
		measure := func(d, roundTrip time.Duration) {
			before := time.Now()
			<-time.After(roundTrip)
			c.measured(before, time.Now(), ahead(d-roundTrip/2))
		}
		measure(40*time.Second, 2*time.Millisecond)
		isAhead("first", 40*time.Second)
		<-time.After(time.Hour)
		isAhead("an hour later", 40*time.Second)
		measure(40*time.Second, time.Millisecond)
		measure(40*time.Second+100*time.Millisecond, time.Second) // within its own doubt: says nothing new
		isAhead("a slow answer", 40*time.Second)
		measure(-10*time.Second, time.Second)
		isAhead("a slow answer that contradicts: the database's clock was set", -10*time.Second)
		measure(-10*time.Second-200*time.Millisecond, time.Millisecond)
		isAhead("a sharp one after it", -10*time.Second-200*time.Millisecond)
	})
}
