package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph/limits"
	"studychat/rate"
)

// rateLimit bounds the rate of mutations. Queries are not counted: limits.MaxCost bounds what each costs.
type rateLimit struct {
	limiter             rate.Limiter
	perUser, perAddress rate.Limit
}

// permit lets a mutation through if the viewer and the address have a permit for each of its root fields: fifty messages under
// fifty aliases are fifty messages.
func (l rateLimit) permit(ctx context.Context, op *graphql.OperationContext) error {
	return l.take(ctx, len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"})))
}

// take asks the viewer's bucket first. When the address then refuses, the viewer's permits stay taken: giving them back would
// be another call that may fail, and it costs only clients that are too fast already.
func (l rateLimit) take(ctx context.Context, n int) error {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return err
	}
	if err := l.takeFrom(ctx, "user:"+viewer.ID, n, l.perUser); err != nil {
		return err
	}
	address := RequestFrom(ctx).Address
	if address == "" {
		return nil
	}
	return l.takeFrom(ctx, "address:"+address, n, l.perAddress)
}

func (l rateLimit) takeFrom(ctx context.Context, key string, n int, limit rate.Limit) error {
	switch wait := l.limiter.Take(ctx, key, n, limit); wait {
	case 0:
		return nil
	case rate.Never:
		return limits.TooComplex("root fields of a mutation", limit.Burst, n)
	default:
		return db.RateLimited(wait)
	}
}

// wholeMs rounds up, so that a client that waits that long does not come too early; it is at least 1.
func wholeMs(d time.Duration) int64 {
	return max(1, int64((d+time.Millisecond-1)/time.Millisecond))
}
