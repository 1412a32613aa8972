// Package auth authenticates requests: it turns a bearer token into a Viewer and carries the Viewer in the context. It does not
// decide what a viewer may do with a chat: the repository does, in the transaction that makes the change.
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

// Viewer is the authenticated user of a request.
type Viewer struct {
	ID        string    // the token's subject
	Scopes    []string  // permissions beyond those of every user
	Name      string    // from the token, cleaned; "" if absent
	AvatarURL string    // likewise
	Issued    time.Time // when the token was issued, or its expiry if it does not say; orders the tokens of one user

	Expires time.Time // when the token expires, or the end of the leeway for one accepted within it; zero: never
}

// HasScope reports whether the viewer's token carries the scope.
func (v Viewer) HasScope(scope string) bool { return slices.Contains(v.Scopes, scope) }

type viewerKey struct{}

type result struct {
	viewer Viewer
	err    error
}

// WithViewer returns a context that carries the viewer.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, result{viewer: v})
}

// WithRefusal returns a context without a viewer, in which FromContext returns err.
func WithRefusal(ctx context.Context, err error) context.Context {
	return context.WithValue(ctx, viewerKey{}, result{err: err})
}

// FromContext returns the viewer of the context. Errors: UNAUTHENTICATED, or the error given to WithRefusal.
func FromContext(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(result)
	if !ok {
		return Viewer{}, unauthenticated("This needs a token.", nil)
	}
	return v.viewer, v.err
}

func unauthenticated(message string, cause error) error {
	return &db.Error{Code: db.CodeUnauthenticated, Message: message, Err: cause}
}
