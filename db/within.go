package db

import (
	"context"
	"time"
)

// Within runs do with a time limit. When the limit ends it, and not the caller, the error is UNAVAILABLE: do sees only that its context
// has ended, and would report that the caller gave up.
func Within(ctx context.Context, limit time.Duration, do func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Unavailable(err)
	}
	return err
}
