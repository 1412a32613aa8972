package auth

import (
	"errors"

	"github.com/golang-jwt/jwt/v5"

	"studychat/db"
)

// Why a request has no token at all.
var (
	errNoToken  = errors.New("there is no token")
	errNoBearer = errors.New("the scheme is not bearer")
)

// reasons are what Reason tells apart. A token may be wrong in several ways: what points to a wrong setting comes first.
var reasons = []struct {
	cause error
	name  string
}{
	{errNoToken, "missing"},
	{errNoBearer, "scheme"},
	{jwt.ErrTokenInvalidIssuer, "issuer"},
	{jwt.ErrTokenInvalidAudience, "audience"},
	{errNoUser, "subject"},
	{jwt.ErrTokenExpired, "expired"},
	{jwt.ErrTokenNotValidYet, "not_yet_valid"},
	{jwt.ErrTokenUsedBeforeIssued, "not_yet_valid"},
	{jwt.ErrTokenSignatureInvalid, "signature"},
	{jwt.ErrTokenMalformed, "malformed"},
	{jwt.ErrTokenUnverifiable, "key"}, // also what the key function finds: crit, and a key that the provider does not have
}

// Reasons are all that Reason may say.
func Reasons() []string {
	all := []string{"unavailable", "invalid"}
	for _, reason := range reasons {
		all = append(all, reason.name)
	}
	return all
}

// Reason is a word for why a token was refused, for counting. Clients are not told.
func Reason(err error) string {
	if db.CodeOf(err) == db.CodeUnavailable {
		return "unavailable"
	}
	for _, reason := range reasons {
		if errors.Is(err, reason.cause) {
			return reason.name
		}
	}
	return "invalid"
}
