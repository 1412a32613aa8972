package limits

import (
	"context"
	"errors"
	"strings"
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

func TestTextBytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100)
	var none *string
	for _, c := range []struct {
		reason string
		value  any
		want   int
	}{
		{"bytes, not characters", long, 200},
		{"a nullable text", &long, 200},
		{"null", none, 0},
		{"short texts are bounded by cost", strings.Repeat("x", plainText), 0},
		{"but not many of them in one field", []string{strings.Repeat("x", 40), strings.Repeat("x", 40)}, 80},
		{"members", make([]*db.Member, 500), 500 * memberBytes},
		{"no text", 5, 0},
		{"objects count by their fields", &db.Message{Content: long}, 0},
	} {
		if got := TextBytes(c.value); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}
