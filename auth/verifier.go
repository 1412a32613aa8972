// Package auth authenticates requests: it turns a bearer token into a Viewer and carries the Viewer in the context. It does not
// decide what a viewer may do with a chat: the repository does, in the transaction that makes the change.
package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"studychat/db"
)

// The scopes that a token may carry.
const (
	ScopeAssistant = "assistant" // send messages as the assistant and as the system
	ScopeModules   = "modules"   // write and delete study modules
	ScopeUsers     = "users"     // write the names of users
	ScopeAdmin     = "admin"     // see the connections of this instance and why others ended
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

// Identity is what authentication found: the viewer, or why there is none.
type Identity struct {
	Viewer Viewer
	Err    error // UNAUTHENTICATED, UNAVAILABLE
}

type contextKey struct{}

// ContextKey is the key under which a context carries an *Identity, for contexts that carry more than that.
var ContextKey any = contextKey{}

// WithViewer returns a context that carries the viewer.
func WithViewer(ctx context.Context, v Viewer) context.Context {
	return WithIdentity(ctx, &Identity{Viewer: v})
}

// WithIdentity returns a context that carries what authentication found. Contexts may share it, so it must not change.
func WithIdentity(ctx context.Context, i *Identity) context.Context {
	return context.WithValue(ctx, ContextKey, i)
}

// FromContext returns the viewer of the context. Errors: UNAUTHENTICATED, or the refusal of Authenticate.
func FromContext(ctx context.Context) (Viewer, error) {
	i, ok := ctx.Value(ContextKey).(*Identity)
	if !ok {
		return Viewer{}, unauthenticated("This needs a token.", nil)
	}
	return i.Viewer, i.Err
}

func unauthenticated(message string, cause error) error {
	return &db.Error{Code: db.CodeUnauthenticated, Message: message, Err: cause}
}

// Verifier turns a token into a viewer.
//
// Errors: UNAUTHENTICATED for every invalid token; the reason appears only in the log. UNAVAILABLE for a token that cannot be checked
// because the keys cannot be fetched: the same token may pass later.
type Verifier interface {
	Verify(ctx context.Context, token string) (Viewer, error)
}

// LocalUser is the id of the viewer when no authentication is configured. It is the same on every instance.
const LocalUser = "local"

// Local is the verifier of a server without authentication: every request comes from LocalUser, with every scope, so that a tutor
// program can be tried on a laptop. Such a server listens on loopback only.
type Local struct{}

// Verify ignores the token.
func (Local) Verify(context.Context, string) (Viewer, error) {
	return Viewer{
		ID: LocalUser, Name: "Local user", Issued: time.Unix(0, 0).UTC(),
		Scopes: []string{ScopeAssistant, ScopeModules, ScopeUsers, ScopeAdmin},
	}, nil
}

// Identify verifies the value of an Authorization header ("Bearer <token>", or "" without one).
func Identify(ctx context.Context, verifier Verifier, authorization string) Identity {
	viewer, err := verify(ctx, verifier, authorization)
	if err != nil {
		return Identity{Err: err}
	}
	return Identity{Viewer: viewer}
}

// Authenticate is Identify, and returns a context that carries the identity. Every transport authenticates through one of them.
func Authenticate(ctx context.Context, verifier Verifier, authorization string) (context.Context, error) {
	identity := Identify(ctx, verifier, authorization)
	return WithIdentity(ctx, &identity), identity.Err
}

func verify(ctx context.Context, verifier Verifier, authorization string) (Viewer, error) {
	if _, local := verifier.(Local); local {
		return verifier.Verify(ctx, "")
	}
	if authorization == "" {
		return Viewer{}, unauthenticated("This needs a token.", errNoToken)
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return Viewer{}, unauthenticated("The authorization must be a bearer token.", errNoBearer)
	}
	return verifier.Verify(ctx, strings.TrimSpace(token))
}
