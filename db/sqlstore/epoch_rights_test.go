package sqlstore_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/uptrace/bun"

	"studychat/db/sqlstore"
	"studychat/test/services"
)

// refusals counts statements that the server refused.
type refusals struct{ atomic.Int32 }

func (*refusals) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }

func (r *refusals) AfterQuery(_ context.Context, event *bun.QueryEvent) {
	if _, ok := errors.AsType[*pgconn.PgError](event.Err); ok {
		r.Add(1)
	}
}

// TestEpochUnequalRights: instances of which the server tells one less than the other agree that nothing has changed, and on what has.
func TestEpochUnequalRights(t *testing.T) {
	t.Parallel()
	owner := postgres(t)
	trusted := openStore(t, owner, sqlstore.OpenOptions{})
	var refused refusals
	other := openStore(t, services.DataRole(t, owner), sqlstore.OpenOptions{Hook: &refused})
	wantEpoch(t, other, "the first check, by the one that knows less", false)
	once := refused.Load()
	if once == 0 || once > 2 {
		t.Errorf("%d statements were refused, want one per part", once)
	}
	for range 3 {
		wantEpoch(t, trusted, "the one that knows more adopts what it knows", false)
		wantEpoch(t, other, "the one that knows less compares what it knows", false)
	}
	if again := refused.Load() - once; again != 0 {
		t.Errorf("what was refused was asked again: %d statements", again)
	}
	for reason, statement := range map[string]string{
		"another table": "UPDATE stream_meta SET fingerprint = regexp_replace(fingerprint, '[0-9]+$', '1')",
		"a promotion":   "UPDATE stream_meta SET fingerprint = regexp_replace(fingerprint, '/[0-9A-F]{8}/', '/0000000F/')",
	} {
		if _, err := trusted.Bun().NewRaw(statement).Exec(t.Context()); err != nil {
			t.Fatal(err)
		}
		if reason == "another table" {
			wantEpoch(t, other, reason+" is seen by both", true)
			wantEpoch(t, trusted, reason+" was announced by the other", false)
		} else {
			wantEpoch(t, other, reason+" is not seen by the one that knows less", false)
			wantEpoch(t, trusted, reason+" is seen by the one that knows more", true)
			wantEpoch(t, other, reason+" was announced by the other", false)
		}
	}
}
