package db_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
)

func TestWithin(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	synctest.Test(t, func(t *testing.T) {
		if err := db.Within(t.Context(), time.Second, hang); db.CodeOf(err) != db.CodeUnavailable {
			t.Errorf("our limit: %v, want UNAVAILABLE", err)
		}
		callers, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := db.Within(callers, time.Minute, hang); !errors.Is(err, context.DeadlineExceeded) || db.CodeOf(err) == db.CodeUnavailable {
			t.Errorf("the caller's limit: %v, want it as it is", err)
		}
		refused := db.NotFound("chat")
		if err := db.Within(t.Context(), time.Second, func(context.Context) error { return refused }); !errors.Is(err, refused) {
			t.Errorf("an answer: %v, want it as it is", err)
		}
	})
}
