package wire

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestRounds: each member is called a period after it joined and then every period, until it leaves; also from its own call.
func TestRounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const period = 10 * time.Second
		r, began := NewRounds(period), time.Now()
		var calls []string
		call := func(name string) func() {
			return func() { calls = append(calls, fmt.Sprint(name, time.Since(began).Seconds())) }
		}
		var a, b, c, never Turn
		r.Join(&a, call("a"))
		<-time.After(3 * time.Second)
		r.Join(&b, call("b"))
		r.Join(&c, func() {
			call("c")()
			r.Leave(&c)
		})
		r.Join(&never, call("never"))
		r.Leave(&never)
		r.Leave(&never)
		<-time.After(period + time.Second)
		r.Leave(&a)
		<-time.After(period + time.Second)
		r.Leave(&b)
		<-time.After(10 * period)
		r.Join(&a, call("again"))
		<-time.After(period)
		synctest.Wait()
		r.Leave(&a)
		if got := fmt.Sprint(calls); got != "[a10 b13 c13 b23 again135]" {
			t.Error(got)
		}
	})
}
