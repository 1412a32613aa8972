// Package counts counts what a store does.
package counts

import (
	"context"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"studychat/metrics/tally"
)

// Stats is what one Store has done.
type Stats struct {
	Statements tally.Family[string, tally.Durations] // by the statement's first word; several that make one round trip count as one
	Commits    tally.Family[string, tally.Durations] // by outcome: committed, rolled_back, unknown
	Batches    tally.Sizes                           // of messages that were committed together
	Pruned     tally.Counter                         // rows
}

// Hook counts every statement, and passes it on to next, which may be nil.
func (s *Stats) Hook(next bun.QueryHook) bun.QueryHook { return hook{s, next} }

type hook struct {
	stats *Stats
	next  bun.QueryHook
}

// BeforeQuery implements bun.QueryHook.
func (h hook) BeforeQuery(ctx context.Context, event *bun.QueryEvent) context.Context {
	if event.StartTime.IsZero() {
		event.StartTime = time.Now()
	}
	if h.next != nil {
		return h.next.BeforeQuery(ctx, event)
	}
	return ctx
}

// AfterQuery implements bun.QueryHook.
func (h hook) AfterQuery(ctx context.Context, event *bun.QueryEvent) {
	h.stats.Statements.Of(operation(event.Query)).Since(event.StartTime)
	if h.next != nil {
		h.next.AfterQuery(ctx, event)
	}
}

// operation keeps the list of operations short.
func operation(query string) string {
	query = strings.TrimLeft(query, " \t\r\n(")
	for _, known := range []string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "BEGIN", "COMMIT", "ROLLBACK"} {
		if len(query) >= len(known) && strings.EqualFold(query[:len(known)], known) {
			return known
		}
	}
	return "OTHER"
}
