// Package auth answers one question: who asks? It turns a bearer token into a Viewer and carries it in the context.
// What a viewer may do with a chat is not decided here but in the repository, in the transaction that does it.
package auth

import (
	"context"
	"slices"
	"time"

	"studychat/db"
)

// The scopes that a token may carry.
const (
	ScopeAssistant = "assistant" // send messages as the assistant and as the system
	ScopeModules   = "modules"   // write and delete study modules
	ScopeUsers     = "users"     // write the names of users
)

// Viewer is who asks.
type Viewer struct {
	ID        string    // the token's subject
	Scopes    []string  // what the token allows beyond the ordinary
	Name      string    // of the token, clean; "" when it has none
	AvatarURL string    // the same
	Issued    time.Time // when the token was issued, or when it ends if it does not say: of two tokens, the later one counts

	Expires time.Time // when the token ends, or for one taken in its leeway the end of that; zero: never
}

// HasScope says whether the viewer's token carries the scope.
func (v Viewer) HasScope(scope string) bool { return slices.Contains(v.Scopes, scope) }

type viewerKey struct{}

type verdict struct {
	viewer Viewer
	err    error
}

// WithViewer names the viewer of everything that is done with ctx.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, verdict{viewer: v})
}

// WithRefusal remembers why there is no viewer, for the first one who asks for one.
func WithRefusal(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, viewerKey{}, verdict{err: err})
}

// FromContext returns the viewer. Errors: UNAUTHENTICATED.
func FromContext(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(verdict)
	if !ok {
		return Viewer{}, unauthenticated("This needs a token.", nil)
	}
	return v.viewer, v.err
}

func unauthenticated(message string, cause error) error {
	return &db.Error{Code: db.CodeUnauthenticated, Message: message, Err: cause}
}
