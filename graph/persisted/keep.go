package persisted

import (
	"context"
	"sync"

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
	if k.mode == Log && !k.trusted.Holds(op.RawQuery) {
		// The text is not logged: it may hold what a user wrote.
		if hash := Hash(op.RawQuery); k.logged.first(hash) {
			k.log.WarnContext(ctx, "an untrusted document ran", "operation", op.Operation.Name, "hash", hash)
		}
	}
	return nil
}

// maxLogged bounds what is remembered of documents that were logged, about 1 MB; beyond it, nothing more is logged.
const maxLogged = 10_000

// onceEach remembers texts.
type onceEach struct {
	mu   sync.Mutex
	seen map[string]struct{}
}

// first is true the first time that it is called with a text.
func (o *onceEach) first(text string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.seen[text]; ok || len(o.seen) >= maxLogged {
		return false
	}
	if o.seen == nil {
		o.seen = map[string]struct{}{}
	}
	o.seen[text] = struct{}{}
	return true
}
