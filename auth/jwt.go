package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

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
	Log      *slog.Logger // nil: slog.Default()

	// Now is a clock that all instances agree on, which may be another than this machine's. nil: time.Now.
	Now func() time.Time

	transport http.RoundTripper // to JWKSURL; nil: the network
}

func (c JWTConfig) check() error {
	switch {
	case (c.Secret == "") == (c.JWKSURL == ""):
		return errors.New("either a secret or the URL of a key set is needed, and not both")
	case c.Secret != "" && len(c.Secret) < MinSecret:
		return fmt.Errorf("the secret must have at least %d bytes", MinSecret)
	case c.Issuer == "" || c.Audience == "":
		return errors.New("issuer and audience are needed") // the library would skip the check of an empty one
	}
	return nil
}

// JWT verifies JSON Web Tokens with fixed algorithms; `iss`, `aud`, `exp` and `sub` are required.
type JWT struct {
	parser    *jwt.Parser
	validator *jwt.Validator
	secret    []byte
	keys      *keySet // nil with a secret
	now       func() time.Time
}

// NewJWT makes a verifier. With JWKSURL the keys are fetched in the background until ctx ends or Stop is called: a
// provider that is down at start does not keep the server from starting, and the last good keys are kept.
func NewJWT(ctx context.Context, config JWTConfig) (*JWT, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	v := &JWT{secret: []byte(config.Secret), now: config.Now}
	if v.now == nil {
		v.now = time.Now
	}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	if config.JWKSURL != "" {
		methods = asymmetric
		v.keys = startKeySet(ctx, config.JWKSURL, config.transport, cmp.Or(config.Log, slog.Default()))
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods(methods),
		jwt.WithIssuer(config.Issuer),
		jwt.WithAudience(config.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), // if present, not in the future: a clock is wrong, and it may be the one that wrote exp
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(v.now),
		jwt.WithStrictDecoding(),
	}
	v.parser, v.validator = jwt.NewParser(rules...), jwt.NewValidator(rules...)
	return v, nil
}

// Stop ends the fetching of keys and waits for it. May be called again.
func (v *JWT) Stop() {
	if v.keys != nil {
		v.keys.stop()
	}
}

// Verify checks the token and returns its subject with its scopes. It waits for the identity provider at most maxWait,
// and only for a token that is good but for its key, which is not known (yet).
func (v *JWT) Verify(ctx context.Context, token string) (Viewer, error) {
	if len(token) > maxToken || !isCompact(token) {
		return Viewer{}, refused(errors.New("longer than 8 KB, or not base64url"))
	}
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		// RFC 7515, 4.1.11: extensions that the issuer calls critical must be understood, and we know none.
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("crit")
		}
		// The library asks for the key first. A token that is not for us needs no key: nothing is fetched for it.
		if err := v.validator.Validate(&c); err != nil {
			return nil, err
		}
		return v.key(ctx, t)
	})
	if err != nil {
		return Viewer{}, refused(err)
	}
	left := c.ExpiresAt.Sub(v.now())
	if left <= 0 { // taken in its leeway: a stream that it opens must not end at once
		left += leeway
	}
	issued := c.ExpiresAt.Time // which rises too, for providers that do not say
	if c.IssuedAt != nil {
		issued = c.IssuedAt.Time
	}
	return Viewer{
		ID: c.Subject, Name: c.Name, AvatarURL: c.Picture, Issued: issued.UTC(),
		Scopes: strings.Fields(c.Scope), Expires: time.Now().Add(left), // by this machine's clock, which timers go by
	}, nil
}

func (v *JWT) key(ctx context.Context, token *jwt.Token) (any, error) {
	if v.keys == nil {
		return v.secret, nil
	}
	id, named := token.Header["kid"]
	kid, ok := id.(string)
	if named && (!ok || kid == "") {
		return nil, errors.New("kid is no name")
	}
	return v.keys.find(ctx, kid, token.Method.Alg())
}

// isCompact says whether the token holds nothing but base64url and dots: Go's decoder skips line breaks anywhere.
func isCompact(token string) bool {
	for _, c := range []byte(token) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// refused hides the reason, which helps nobody but an attacker; that a token has expired is for clients to act on.
func refused(err error) error {
	if own, ok := errors.AsType[*db.Error](err); ok {
		return own // UNAVAILABLE
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return unauthenticated("The token has expired.", err)
	}
	return unauthenticated("The token is not valid.", err)
}
