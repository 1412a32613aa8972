package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"studychat/db"
)

// claims are what we read of a token's payload.
type claims struct {
	jwt.RegisteredClaims

	Scope   string // RFC 8693: names separated by spaces
	Name    string // OpenID Connect Core, 5.1; as all below: "" when there is none, or it is not usable
	Picture string
}

// UnmarshalJSON takes names as RFC 7519 has them: each once, compared exactly. encoding/json alone would take "SUB" for
// "sub" and the last of two, so a provider that lets users name claims of their own would let them name themselves.
func (c *claims) UnmarshalJSON(data []byte) error {
	have, err := members(data)
	if err != nil {
		return err
	}
	var exp, nbf, iat date
	c.Name = optional(have["name"], db.CleanTitle)
	c.Picture = optional(have["picture"], db.CleanAvatarURL)
	for name, into := range map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "aud": &c.Audience, "scope": &c.Scope,
		"exp": &exp, "nbf": &nbf, "iat": &iat,
	} {
		if value, ok := have[name]; ok {
			if err := json.Unmarshal(value, into); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	c.ExpiresAt, c.NotBefore, c.IssuedAt = exp.NumericDate, nbf.NumericDate, iat.NumericDate
	return nil
}

// optional reads a claim that decides nothing: one that is missing, of another type or unclean counts as none, since a token
// is no worse for it.
func optional(value json.RawMessage, clean func(field, text string) (string, error)) string {
	var text string
	if json.Unmarshal(value, &text) != nil || !utf8.Valid(value) {
		return ""
	}
	text, err := clean("claim", text)
	if err != nil {
		return ""
	}
	return text
}

// members takes an object apart and refuses a name that comes twice.
func members(object []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("the claims are no object")
	}
	out := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the claim %q comes twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

// Validate is called by the library together with its own checks.
func (c *claims) Validate() error {
	if strings.ContainsRune(c.Subject, utf8.RuneError) {
		return errors.New("sub is broken UTF-8") // every broken name would become the same user
	}
	if id, err := db.CleanName("sub", c.Subject); err != nil || id != c.Subject {
		return errors.New("sub is not a user id")
	}
	return nil
}

// maxDate is the end of the year 9999, in seconds. What lies beyond overflows here and there, differently on each processor.
const maxDate = 253402300799

// date is RFC 7519's NumericDate: a number of seconds. The library's own takes text for a number, and overflows.
type date struct{ *jwt.NumericDate }

// UnmarshalJSON drops fractions of a second.
func (d *date) UnmarshalJSON(data []byte) error {
	seconds, err := strconv.ParseFloat(string(data), 64)
	if err != nil || seconds < 0 || seconds > maxDate {
		return errors.New("not a date")
	}
	d.NumericDate = jwt.NewNumericDate(time.Unix(int64(seconds), 0))
	return nil
}
