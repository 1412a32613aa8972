package config

import (
	"fmt"
	"net/url"
	"strings"

	"studychat/auth"
)

// Auth says how tokens are verified.
type Auth struct {
	Secret   string `env:"JWT_SECRET"`
	JWKSURL  string `env:"JWKS_URL"`
	Issuer   string `env:"JWT_ISSUER"`
	Audience string `env:"JWT_AUDIENCE"`
	SignIn   string `env:"SIGN_IN_URL"` // {redirect} and {state} are replaced by the chat page
}

// Enabled reports whether viewers need a token. Without authentication every request comes from one local user.
func (a *Auth) Enabled() bool { return a.Secret != "" || a.JWKSURL != "" }

func (a *Auth) validate() []string {
	var mistakes []string
	if a.Secret != "" && a.JWKSURL != "" {
		mistakes = append(mistakes, "JWT_SECRET and JWKS_URL cannot both be set.")
	}
	if n := len(a.Secret); n > 0 && n < auth.MinSecret {
		mistakes = append(mistakes, fmt.Sprintf("JWT_SECRET must have at least %d bytes, not %d.", auth.MinSecret, n))
	}
	if mistake := checkWebURL(a.JWKSURL); a.JWKSURL != "" && mistake != "" {
		mistakes = append(mistakes, "JWKS_URL must be an https URL, or an http URL of this machine: "+mistake+".")
	}
	if !a.Enabled() && (a.Issuer != "" || a.Audience != "") {
		mistakes = append(mistakes, "JWT_ISSUER or JWT_AUDIENCE is set, but neither JWT_SECRET nor JWKS_URL.") // perhaps an empty secret
	}
	if a.Enabled() && a.Issuer == "" {
		mistakes = append(mistakes, "JWT_ISSUER is required with JWT_SECRET or JWKS_URL.")
	}
	if a.Enabled() && a.Audience == "" {
		mistakes = append(mistakes, "JWT_AUDIENCE is required with JWT_SECRET or JWKS_URL.")
	}
	return append(mistakes, a.validateSignIn()...)
}

// validateSignIn checks where the chat page sends people. The page takes a token only with the state that it has sent.
func (a *Auth) validateSignIn() []string {
	if a.SignIn == "" {
		return nil
	}
	var mistakes []string
	if !a.Enabled() {
		mistakes = append(mistakes, "SIGN_IN_URL is set, but neither JWT_SECRET nor JWKS_URL.")
	}
	if mistake := checkWebURL(a.SignIn); mistake != "" {
		return append(mistakes, "SIGN_IN_URL must be an https URL, or an http URL of this machine: "+mistake+".")
	}
	if u, _ := url.Parse(a.SignIn); u.User != nil {
		mistakes = append(mistakes, "SIGN_IN_URL must not have a user or a password: every visitor of the page reads it.")
	}
	if !strings.Contains(a.SignIn, "{state}") {
		mistakes = append(mistakes, "SIGN_IN_URL must contain {state}, such as https://provider.example/authorize?redirect_uri={redirect}&state={state}.")
	}
	return mistakes
}
