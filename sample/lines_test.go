package sample_test

import (
	"testing"
	"testing/synctest"
	"time"

	"studychat/sample"
)

// TestLines: in a storm some lines are written, and the first one after it says how many were not.
func TestLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		lines := sample.NewLines[string](10*time.Second, 3)
		storm := func(kind string, n int) (written, leftOut int) {
			for range n {
				if missing, due := lines.Due(kind); due {
					written++
					leftOut += missing
				}
			}
			return written, leftOut
		}
		expect := func(reason, kind string, n, written, leftOut int) {
			if w, l := storm(kind, n); w != written || l != leftOut {
				t.Errorf("%s: %d lines, %d left out", reason, w, l)
			}
		}
		expect("the first", "a", 100, 3, 0)
		expect("another kind", "b", 1, 1, 0)
		<-time.After(9 * time.Second)
		expect("the same period", "a", 5, 0, 0)
		<-time.After(time.Second)
		expect("the next one", "a", 5, 3, 102)
		<-time.After(time.Minute)
		expect("after a pause", "a", 1, 1, 2)
		expect("at once", "a", 1, 1, 0)
	})
}
