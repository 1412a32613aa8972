package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"

	"studychat/db"
)

// Rules of tokens (RFC 7519, RFC 8725).
const (
	MinSecret = 32               // bytes of an HS256 secret: RFC 7518, 3.2
	leeway    = 30 * time.Second // for clocks that differ
	maxToken  = 8 << 10          // bytes
)

// JWTConfig says which tokens are good. Issuer and Audience are required, and exactly one of Secret and JWKSURL is set:
// with both, a public key could be passed off as a secret.
type JWTConfig struct {
	Secret   string // HS256, at least MinSecret bytes
	JWKSURL  string // keys of an identity provider, RFC 7517
	Issuer   string
	Audience string
}

// JWT verifies JSON Web Tokens with fixed algorithms; `iss`, `aud`, `exp` and `sub` are required.
type JWT struct {
	parser *jwt.Parser
	key    jwt.Keyfunc
}

var asymmetric = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// NewJWT makes a verifier. With JWKSURL the keys are fetched in the background for as long as ctx lives: a provider that
// is down at start does not keep the server from starting, and the last good keys are kept.
func NewJWT(ctx context.Context, config JWTConfig) (*JWT, error) {
	v := &JWT{}
	methods := asymmetric
	if config.Secret != "" {
		methods = []string{"HS256"}
		v.key = func(*jwt.Token) (any, error) { return []byte(config.Secret), nil }
	} else {
		keys, err := keyfunc.NewDefaultCtx(ctx, []string{config.JWKSURL})
		if err != nil {
			return nil, fmt.Errorf("JWKS_URL: %w", err)
		}
		v.key = keys.Keyfunc
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods(methods),
		jwt.WithIssuer(config.Issuer),
		jwt.WithAudience(config.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
	)
	return v, nil
}

type claims struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"` // RFC 8693: names separated by spaces
}

// Verify checks the token and returns its subject with its scopes.
func (v *JWT) Verify(_ context.Context, token string) (Viewer, error) {
	if len(token) > maxToken {
		return Viewer{}, unauthenticated("The token is not valid.", errors.New("longer than 8 KB"))
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.key); err != nil {
		if errors.Is(err, jwt.ErrTokenExpired) {
			return Viewer{}, unauthenticated("The token has expired.", err)
		}
		return Viewer{}, unauthenticated("The token is not valid.", err)
	}
	id, err := db.CleanName("sub", c.Subject)
	if err != nil || id != c.Subject {
		return Viewer{}, unauthenticated("The token is not valid.", errors.New("sub is not a user id"))
	}
	return Viewer{ID: id, Scopes: strings.Fields(c.Scope), Expires: c.ExpiresAt.Time}, nil
}
