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

// claims are the parts of a token's payload that matter here.
type claims struct {
	jwt.RegisteredClaims

	Scope   string // RFC 8693: scope names separated by spaces
	Name    string // OpenID Connect Core, 5.1; like Picture: "" if absent or unusable
	Picture string
}

// UnmarshalJSON requires each claim name once and compares names exactly, as RFC 7519 does. encoding/json alone accepts "SUB" for
// "sub" and the last of two, so where a provider lets users add claims, they could choose their own subject.
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

// optional reads a claim that no decision depends on. A missing, mistyped or unclean one counts as absent; the token stays valid.
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

// members returns the members of an object. It rejects duplicate names.
func members(object []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if open, err := decoder.Token(); err != nil || open != json.Delim('{') {
		return nil, errors.New("the claims are not an object")
	}
	out := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the claim %q occurs twice", name)
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		out[name] = value
	}
	return out, nil
}

var errNoUser = errors.New("sub is not a user id")

// Validate is called by the jwt library together with its own checks.
func (c *claims) Validate() error {
	if strings.ContainsRune(c.Subject, utf8.RuneError) {
		return fmt.Errorf("%w: broken UTF-8", errNoUser) // all such names would become the same user
	}
	if id, err := db.CleanName("sub", c.Subject); err != nil || id != c.Subject {
		return errNoUser
	}
	return nil
}

// maxDate is the end of the year 9999, in seconds. Later dates overflow, differently on each processor.
const maxDate = 253402300799

// date is RFC 7519's NumericDate: a number of seconds. The library's own type accepts text as a number, and overflows.
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
