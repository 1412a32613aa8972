package db

import (
	"context"
	"time"
)

// Within runs do with a time limit of its own. Where that ends it, and not the caller, the answer is UNAVAILABLE: whoever is asked
// sees only a context that is over, and would take it for the caller's wish.
func Within(ctx context.Context, limit time.Duration, do func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Unavailable(err)
	}
	return err
}
