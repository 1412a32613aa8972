package limits

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"studychat/db"
)

// TestReadsAtOnce: of 22 pages asked for at once eight are read, the others wait, and are not read when it is enough.
func TestReadsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget, release := NewBudget(), make(chan struct{})
		results := make(chan error, 22)
		var reading, read atomic.Int32
		for range cap(results) {
			go func() {
				results <- budget.Read(t.Context(), db.MaxPage, func() (int, error) {
					reading.Add(1)
					defer reading.Add(-1)
					<-release
					read.Add(1)
					return MaxAnswerBytes + 1, nil
				})
			}()
		}
		synctest.Wait()
		if n := reading.Load(); n != 8 {
			t.Errorf("%d pages are read at once", n)
		}
		close(release)
		for range cap(results) {
			if err := <-results; err == nil {
				t.Error("a read was good, though there is too much text with any of them")
			}
		}
		if n := read.Load(); n != 8 {
			t.Errorf("%d pages were read in all", n)
		}
	})
}

// TestReadsEndWithTheirRequest: a read waits for others no longer than its request lasts.
func TestReadsEndWithTheirRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		budget, release, done := NewBudget(), make(chan struct{}), make(chan error)
		go func() {
			done <- budget.Read(t.Context(), 10*MaxReading, func() (int, error) { <-release; return 0, nil })
		}()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := budget.Read(ctx, 1, func() (int, error) { t.Error("read all the same"); return 0, nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(release)
		if err := <-done; err != nil {
			t.Errorf("a read of more than may be at once runs alone: %v", err)
		}
		failure := errors.New("no database")
		if err := budget.Read(t.Context(), MaxReading, func() (int, error) { return 0, failure }); !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	})
}
