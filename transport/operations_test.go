package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/transport/stats"
)

// TestWhoEndsAnOperation: of itself, its client and the connection, only itself, and only as the first, may say complete.
func TestWhoEndsAnOperation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason    string
		before    func(o *operations)
		completes bool
	}{
		{"nobody else", func(*operations) {}, true},
		{"the client was first", func(o *operations) { o.stop("1") }, false},
		{"the connection was first", func(o *operations) { o.end() }, false},
		{"the client was first, and took the id for another", func(o *operations) {
			o.stop("1")
			_, _ = o.begin(context.Background(), "1", func(context.Context, *running, []unplaced) {})
		}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, start, completed := new(operations), make(chan struct{}), false
			_, err := o.begin(t.Context(), "1", func(_ context.Context, op *running, _ []unplaced) {
				<-start
				completed = op.complete()
				if op.complete() {
					t.Errorf("%s: completed twice", c.reason)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			c.before(o)
			close(start)
			o.goroutines.Wait()
			if completed != c.completes {
				t.Errorf("%s: %t", c.reason, completed)
			}
		})
	}
}

func TestOperationsAreBounded(t *testing.T) {
	t.Parallel()
	o := new(operations)
	ctx, cancel := context.WithCancel(t.Context())
	wait := func(ctx context.Context, _ *running, _ []unplaced) { <-ctx.Done() }
	for n := range MaxOperations {
		if _, err := o.begin(ctx, fmt.Sprint(n), wait); err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := o.begin(ctx, "7", wait); !errors.Is(err, errTakenID) {
		t.Errorf("an id twice: %v", err)
	}
	if _, err := o.begin(ctx, "more", wait); !errors.Is(err, errTooManyOperations) {
		t.Errorf("one more: %v", err)
	}
	o.stop("7") // its context ends
	if _, err := o.begin(ctx, "more", wait); err != nil {
		t.Errorf("after one was stopped: %v", err)
	}
	o.end()
	if _, err := o.begin(ctx, "late", wait); !errors.Is(err, errOver) {
		t.Errorf("after the end: %v", err)
	}
	cancel()
	o.goroutines.Wait()
}

// TestQueryWhoseTimeIsOver: a query that could not even begin in time, since the process was frozen, is answered, and not only
// completed.
func TestQueryWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		ctx, cancel := context.WithCancel(auth.WithViewer(w.t.Context(), auth.Viewer{ID: "ann"}))
		op, refusal := w.transport.runner.prepare(ctx, small(&graphql.RawParams{Query: `{ __typename }`}))
		if refusal != nil {
			w.t.Fatal(refusal)
		}
		cancel()
		var got string
		err := op.answerTo(stats.HTTP, func(answer []byte) error {
			got += string(answer)
			return nil
		})
		if err != nil || !strings.Contains(got, "UNAVAILABLE") || strings.Count(got, "errors") != 1 {
			w.t.Errorf("got %s, %v", got, err)
		}
	})
}
