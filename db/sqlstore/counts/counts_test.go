package counts_test

import (
	"context"
	"testing"

	"github.com/uptrace/bun"

	"studychat/db/sqlstore/counts"
)

// other is a hook that was there before.
type other struct{ before, after int }

func (o *other) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	o.before++
	return ctx
}

func (o *other) AfterQuery(context.Context, *bun.QueryEvent) { o.after++ }

// TestStatements: every statement counts once, by its first word, and the other hook sees it too.
func TestStatements(t *testing.T) {
	t.Parallel()
	stats, next := new(counts.Stats), new(other)
	for _, hook := range []bun.QueryHook{stats.Hook(next), stats.Hook(nil)} {
		for _, query := range []string{"SELECT 1", " \n(select 2)", "BEGIN;\nSELECT 3", "COMMIT", "ROLLBACK", "INSERT INTO t", "VACUUM", ""} {
			event := &bun.QueryEvent{Query: query}
			hook.AfterQuery(hook.BeforeQuery(t.Context(), event), event)
		}
	}
	for operation, want := range map[string]int64{"SELECT": 4, "BEGIN": 2, "COMMIT": 2, "ROLLBACK": 2, "INSERT": 2, "OTHER": 4} {
		if h := stats.Statements.Of(operation).Read(); h.Count() != want || h.Sum > 10 {
			t.Errorf("%s: %d in %v s, not %d", operation, h.Count(), h.Sum, want)
		}
	}
	if next.before != 8 || next.after != 8 {
		t.Errorf("the other hook saw %d and %d", next.before, next.after)
	}
}
