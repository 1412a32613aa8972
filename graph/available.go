package graph

import (
	"context"
	"errors"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/events"
	"studychat/graph/model"
)

// patience is how long a stream waits for a database that does not answer. Then the connection is closed so that its client
// reconnects: another instance, or a fresh connection, may reach the database. It is longer than a failover of a database
// should take, so that in most outages no client has to reconnect.
const patience = time.Minute

// unavailable says whether trying again later may help. A deadline that passed while ctx is alive was our own: a dependency
// did not answer. When the deadline of ctx passed, only the caller is gone.
func unavailable(ctx context.Context, err error) bool {
	switch {
	case err == nil, ctx.Err() != nil, errors.Is(err, events.ErrStopped):
		return false
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return true
	}
	return db.CodeOf(err) == db.CodeUnavailable
}

// untilAvailable repeats do while a dependency does not answer, until ctx or this instance ends. After patience it closes the
// connection, since clients take an error for the end of the subscription.
func untilAvailable(ctx context.Context, do func() error) error {
	deadline := time.Now().Add(patience)
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if !unavailable(ctx, err) {
			return err
		}
		if time.Until(deadline) < wait {
			disconnect(ctx)
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// resolve resolves a field. In a stream it waits for a database that does not answer, as the stream itself does. An event
// with an error instead of the field would lose it for the client, since the cursor has moved on.
func resolve(ctx context.Context, next graphql.Resolver) (value any, err error) {
	value, err = next(ctx)
	if err != nil && ofEvent(ctx) {
		err = await(ctx, err, func(ctx context.Context) error {
			value, err = next(ctx)
			return err
		})
	}
	return value, err
}

// await calls again until a dependency answers that did not: err is what it said. Other errors are returned as they are. A group
// does not wait: each of its subscribers does.
func await(ctx context.Context, err error, again func(ctx context.Context) error) error {
	if !unavailable(ctx, err) {
		return err
	}
	if late := RequestFrom(ctx).late; late != nil {
		late.Store(true)
		return err
	}
	ctx = model.AskAgain(ctx)
	return untilAvailable(ctx, func() error { return again(ctx) })
}

// ofEvent says whether a field belongs to an event of a subscription. The subscription's own field does not.
func ofEvent(ctx context.Context) bool {
	if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
		return false
	}
	field := graphql.GetFieldContext(ctx)
	return field != nil && field.Object != "Subscription"
}
