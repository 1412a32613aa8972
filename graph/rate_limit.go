package graph

import (
	"context"
	"net/netip"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/rate"
)

type addressKey struct{}

// WithAddress tells where a request comes from: the client's IP address, without a port. Transports call it, since they
// alone know which proxies are to be believed. Without it (or with "") a request is limited by its viewer alone.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// rateLimit bounds how much may be changed in how short a time. Queries are not counted: MaxCost bounds what each costs.
type rateLimit struct {
	presenter

	limiter             rate.Limiter
	perUser, perAddress rate.Limit
}

// permit lets a mutation through if the viewer and the address have a permit for each of its root fields: who sends fifty
// messages under fifty aliases has sent fifty.
func (l rateLimit) permit(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Mutation {
		return next(ctx)
	}
	fields := graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Mutation"})
	if err := l.take(ctx, len(fields)); err != nil {
		return l.refuse(ctx, err)
	}
	return next(ctx)
}

// take asks the viewer's bucket first. What the address then refuses has been taken from the viewer all the same: giving
// it back would be a second call that may fail as well, and it only ever costs whoever is too fast already.
func (l rateLimit) take(ctx context.Context, n int) error {
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		return err
	}
	if err := l.takeFrom(ctx, "user:"+viewer.ID, n, l.perUser); err != nil {
		return err
	}
	address, _ := ctx.Value(addressKey{}).(string)
	if address == "" {
		return nil
	}
	return l.takeFrom(ctx, "address:"+network(address), n, l.perAddress)
}

func (l rateLimit) takeFrom(ctx context.Context, key string, n int, limit rate.Limit) error {
	switch wait := l.limiter.Take(ctx, key, n, limit); wait {
	case 0:
		return nil
	case rate.Never:
		return tooComplex("root fields of a mutation", limit.Burst, n)
	default:
		return db.RateLimited(wait)
	}
}

// network is what counts as one address: of IPv6 the first 64 bits, since whoever has one such address has all 2^64 of
// its network and could otherwise take a new bucket for every call. What is no address shares one bucket, lest inventing
// them be of use.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64) // fails for more bits than an address has
	return prefix.String()
}

// wholeMs rounds up, so that whoever waits that long does not come too early; it is 1 at least.
func wholeMs(d time.Duration) int64 {
	return max(1, int64((d+time.Millisecond-1)/time.Millisecond))
}
