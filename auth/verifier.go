package auth

import (
	"context"
	"strings"
	"time"
)

// Verifier turns a token into a viewer.
//
// Errors: UNAUTHENTICATED for every invalid token; the reason appears only in the log. UNAVAILABLE for a token that cannot be checked
// because the keys cannot be fetched: the same token may pass later.
type Verifier interface {
	Verify(ctx context.Context, token string) (Viewer, error)
}

// LocalUser is the id of the viewer when no authentication is configured. It is the same on every instance.
const LocalUser = "local"

const localName = "Local user"

// Local is the verifier of a server without authentication: every request comes from LocalUser, with every scope, so that a tutor
// program can be tried on a laptop. Such a server listens on loopback only.
type Local struct{}

// Verify ignores the token.
func (Local) Verify(context.Context, string) (Viewer, error) {
	return Viewer{
		ID: LocalUser, Name: localName, Issued: time.Unix(0, 0).UTC(),
		Scopes: []string{ScopeAssistant, ScopeModules, ScopeUsers},
	}, nil
}

// Authenticate verifies the value of an Authorization header ("Bearer <token>", or "" without one) and returns a context that carries
// the viewer, or the refusal. Every transport authenticates through it.
func Authenticate(ctx context.Context, verifier Verifier, authorization string) (context.Context, error) {
	viewer, err := verify(ctx, verifier, authorization)
	if err != nil {
		return WithRefusal(ctx, err), err
	}
	return WithViewer(ctx, viewer), nil
}

func verify(ctx context.Context, verifier Verifier, authorization string) (Viewer, error) {
	if _, local := verifier.(Local); local {
		return verifier.Verify(ctx, "")
	}
	if authorization == "" {
		return Viewer{}, unauthenticated("This needs a token.", nil)
	}
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return Viewer{}, unauthenticated("The authorization must be a bearer token.", nil)
	}
	return verifier.Verify(ctx, strings.TrimSpace(token))
}
