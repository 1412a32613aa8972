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

	"studychat/auth/jwks"
	"studychat/db"
)

// Rules of tokens (RFC 7519, RFC 8725).
const (
	MinSecret = 32               // bytes of an HS256 secret: RFC 7518, 3.2
	leeway    = 30 * time.Second // tolerated difference between clocks
	maxToken  = 8 << 10          // bytes
)

// JWTConfig says which tokens are valid. Issuer and Audience are required, and exactly one of Secret and JWKSURL: with both, an
// attacker could present a public key as the secret.
type JWTConfig struct {
	Secret   string // HS256, at least MinSecret bytes
	JWKSURL  string // keys of an identity provider, RFC 7517
	Issuer   string
	Audience string
	Log      *slog.Logger // nil: slog.Default()

	// Now is a clock on which all instances agree; it may differ from this machine's. nil: time.Now.
	Now func() time.Time

	transport http.RoundTripper // for JWKSURL; nil: the network
}

func (c JWTConfig) check() error {
	switch {
	case (c.Secret == "") == (c.JWKSURL == ""):
		return errors.New("set either a secret or the URL of a key set, not both")
	case c.Secret != "" && len(c.Secret) < MinSecret:
		return fmt.Errorf("the secret must have at least %d bytes", MinSecret)
	case c.Issuer == "" || c.Audience == "":
		return errors.New("issuer and audience are required") // the library skips the check if one is empty
	}
	return nil
}

// JWT verifies JSON Web Tokens with fixed algorithms; `iss`, `aud`, `exp` and `sub` are required.
type JWT struct {
	parser    *jwt.Parser
	validator *jwt.Validator
	secret    []byte
	keys      *jwks.Set // nil with a secret
	now       func() time.Time
	verified  *memory
}

// NewJWT returns a verifier. With JWKSURL it fetches keys in the background until ctx ends or Stop is called (package jwks).
func NewJWT(ctx context.Context, config JWTConfig) (*JWT, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	v := &JWT{secret: []byte(config.Secret), now: config.Now, verified: newMemory(rememberedBytes)}
	if v.now == nil {
		v.now = time.Now
	}
	methods := []string{jwt.SigningMethodHS256.Alg()}
	if config.JWKSURL != "" {
		methods = jwks.Algorithms
		v.keys = jwks.Start(ctx, config.JWKSURL, config.transport, cmp.Or(config.Log, slog.Default()))
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods(methods),
		jwt.WithIssuer(config.Issuer),
		jwt.WithAudience(config.Audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), // if present, not in the future: then some clock is wrong, perhaps the one that set exp
		jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(v.now),
		jwt.WithStrictDecoding(),
	}
	v.parser, v.validator = jwt.NewParser(rules...), jwt.NewValidator(rules...)
	return v, nil
}

// Stop ends the fetching of keys and waits for it. It may be called more than once.
func (v *JWT) Stop() {
	if v.keys != nil {
		v.keys.Stop()
	}
}

// Verify checks the token and returns its viewer. It waits for the identity provider (at most 2 s) only for a token whose key is
// unknown and whose claims are valid. The signature of a token is checked once in a while, its dates each time.
func (v *JWT) Verify(ctx context.Context, token string) (Viewer, error) {
	if len(token) > maxToken {
		return Viewer{}, refused(errors.New("longer than 8 KB"))
	}
	key, generation := digestOf(token), v.generation() // read before the keys are: they may change meanwhile
	here, now := time.Now(), v.now()                   // by this machine's clock, and by that of all instances
	known := v.verified.get(key, generation, now, here)
	if known == nil {
		var err error
		if known, err = v.check(ctx, token); err != nil {
			return Viewer{}, refused(err)
		}
		now, here = v.now(), time.Now() // the keys may have been fetched meanwhile
		known.generation, known.at = generation, here
		v.verified.put(key, known)
	}
	viewer := known.viewer
	viewer.Expires = here.Add(left(known.dates.expires.Sub(now)))
	return viewer, nil
}

// generation numbers the sets of keys. A secret does not change.
func (v *JWT) generation() int64 {
	if v.keys == nil {
		return 0
	}
	return v.keys.Generation()
}

// left is how long a stream may last whose token has so long to live. One that was accepted within the leeway lasts for the
// leeway: its stream must not end at once.
func left(life time.Duration) time.Duration {
	if life <= 0 {
		life += leeway
	}
	return life
}

// check verifies everything about a token.
func (v *JWT) check(ctx context.Context, token string) (*verified, error) {
	if !isCompact(token) {
		return nil, errors.New("not base64url")
	}
	var c claims
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		// RFC 7515, 4.1.11: extensions that the issuer marks critical must be understood; this verifier supports none.
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("crit")
		}
		// The library wants the key first. Checking the claims before that avoids a fetch for tokens of other audiences.
		if err := v.validator.Validate(&c); err != nil {
			return nil, err
		}
		return v.key(ctx, t)
	})
	if err != nil {
		return nil, err
	}
	issued := c.ExpiresAt.Time // rises with every token too, for providers that omit iat
	if c.IssuedAt != nil {
		issued = c.IssuedAt.Time
	}
	return &verified{
		viewer: Viewer{ID: c.Subject, Name: c.Name, AvatarURL: c.Picture, Issued: issued.UTC(), Scopes: strings.Fields(c.Scope)},
		dates:  dates{c.ExpiresAt, c.NotBefore, c.IssuedAt},
	}, nil
}

func (v *JWT) key(ctx context.Context, token *jwt.Token) (any, error) {
	if v.keys == nil {
		return v.secret, nil
	}
	id, named := token.Header["kid"]
	kid, ok := id.(string)
	if named && (!ok || kid == "") {
		return nil, errors.New("kid is not a name")
	}
	return v.keys.Find(ctx, kid, token.Method.Alg())
}

// isCompact reports whether the token consists of base64url and dots: Go's decoder would skip line breaks anywhere.
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

// refused hides the reason, which would help only an attacker, except that a token has expired: clients act on that.
func refused(err error) error {
	if own, ok := errors.AsType[*db.Error](err); ok {
		return own // UNAVAILABLE
	}
	if errors.Is(err, jwt.ErrTokenExpired) {
		return unauthenticated("The token has expired.", err)
	}
	return unauthenticated("The token is not valid.", err)
}
