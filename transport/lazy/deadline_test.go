package lazy

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// standard and lazy contexts have to behave alike.
var makers = map[string]func(context.Context, time.Duration) (context.Context, context.CancelFunc){
	"standard": context.WithTimeout, "lazy": WithTimeout,
}

// TestLikeTheStandard runs each story with both kinds of context, with somebody waiting from the beginning and without.
func TestLikeTheStandard(t *testing.T) {
	t.Parallel()
	type key struct{}
	for name, with := range makers {
		for _, waits := range []bool{false, true} {
			for reason, story := range map[string]struct {
				do   func(cancelParent, cancel func())
				want error
			}{
				"nothing":                 {func(_, _ func()) {}, nil},
				"the end":                 {func(_, cancel func()) { cancel() }, context.Canceled},
				"the end, twice":          {func(_, cancel func()) { cancel(); cancel() }, context.Canceled},
				"the parent's end":        {func(cancelParent, _ func()) { cancelParent() }, context.Canceled},
				"a second less":           {func(_, _ func()) { <-time.After(9 * time.Second) }, nil},
				"the time is over":        {func(_, _ func()) { <-time.After(10 * time.Second) }, context.DeadlineExceeded},
				"the time is long over":   {func(_, _ func()) { <-time.After(time.Hour) }, context.DeadlineExceeded},
				"first over, then ended":  {func(_, cancel func()) { <-time.After(time.Hour); cancel() }, nil}, // the kinds differ; see below
				"first ended, then over":  {func(_, cancel func()) { cancel(); <-time.After(time.Hour) }, context.Canceled},
				"the parent, then itself": {func(cancelParent, cancel func()) { cancelParent(); cancel() }, context.Canceled},
			} {
				synctest.Test(t, func(t *testing.T) {
					parent, cancelParent := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
					defer cancelParent()
					ctx, cancel := with(parent, 10*time.Second)
					defer cancel()
					if waits {
						_ = ctx.Done()
					}
					story.do(cancelParent, cancel)
					synctest.Wait()
					err := ctx.Err()
					if reason == "first over, then ended" {
						if err == nil {
							t.Errorf("%s: it goes on", name)
						}
						return
					}
					if !errors.Is(err, story.want) || (err == nil) != (story.want == nil) {
						t.Errorf("%s, waits %t, %s: %v, want %v", name, waits, reason, err, story.want)
					}
					if done := ended(ctx); done != (story.want != nil) {
						t.Errorf("%s, waits %t, %s: done %t", name, waits, reason, done)
					}
					if ctx.Value(key{}) != "value" {
						t.Errorf("%s: the parent's value is lost", name)
					}
				})
			}
		}
	}
}

func ended(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		synctest.Wait()
		return false
	}
}

// TestEarlierDeadlineOfTheParent counts.
func TestEarlierDeadlineOfTheParent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		parent, cancelParent := context.WithTimeout(t.Context(), time.Second)
		defer cancelParent()
		ctx, cancel := WithTimeout(parent, time.Minute)
		defer cancel()
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) != time.Second {
			t.Errorf("%v, %t", time.Until(deadline), ok)
		}
		begin := time.Now()
		<-ctx.Done()
		if took := time.Since(begin); took != time.Second {
			t.Errorf("it took %s", took)
		}
	})
}

// TestDerivedContexts end with it, and need no goroutine for that.
func TestDerivedContexts(t *testing.T) { //nolint:paralleltest // it counts the goroutines of the process
	ctx, cancel := WithTimeout(t.Context(), time.Hour)
	before := runtime.NumGoroutine()
	derived, cancelDerived := context.WithCancel(ctx)
	defer cancelDerived()
	if n := runtime.NumGoroutine(); n > before {
		t.Errorf("%d goroutines more", n-before)
	}
	cancel()
	<-derived.Done()
	if !errors.Is(derived.Err(), context.Canceled) {
		t.Error(derived.Err())
	}
}

// TestNobodyWaits: without anybody waiting there is one allocation, for the context itself, and one for its end.
func TestNobodyWaits(t *testing.T) { //nolint:paralleltest // it counts what the whole process allocates
	parent, cancelParent := context.WithCancel(t.Context())
	defer cancelParent()
	n := testing.AllocsPerRun(100, func() {
		ctx, cancel := WithTimeout(parent, time.Hour)
		if ctx.Err() != nil {
			t.Error("it has ended")
		}
		cancel()
	})
	if n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkWithTimeout(b *testing.B) {
	parent, cancelParent := context.WithCancel(b.Context())
	defer cancelParent()
	for name, with := range makers {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, cancel := with(parent, time.Hour)
				cancel()
			}
		})
	}
}
