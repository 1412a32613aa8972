package persisted

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Keeper is the half that comes after the limits: only documents that may run are kept.
type Keeper struct{ *Lookup }

var _ graphql.OperationContextMutator = Keeper{}

// MutateOperationContext keeps a document that its client registers, and logs one that the mode Enforce would refuse.
func (k Keeper) MutateOperationContext(ctx context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if hash, ok := op.Stats.GetExtension(registration).(string); ok {
		k.store.Put(hash, op.RawQuery)
	}
	if k.mode == Log && !k.trusted.Holds(op.RawQuery) && k.logged.Len() < maxLogged {
		// The text is not logged: it may hold what a user wrote.
		hash := Hash(op.RawQuery)
		if known, _ := k.logged.ContainsOrAdd(hash, struct{}{}); !known {
			k.log.WarnContext(ctx, "an untrusted document ran", "operation", op.Operation.Name, "hash", hash)
		}
	}
	return nil
}

// maxLogged bounds what is remembered of documents that were logged, about 1 MB; beyond it, nothing more is logged.
const maxLogged = 10_000
