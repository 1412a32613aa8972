package auth

import "net/http"

// Over sets the transport to the identity provider.
func (c JWTConfig) Over(transport http.RoundTripper) JWTConfig {
	c.transport = transport
	return c
}

// Remembered is how many tokens are remembered.
func (v *JWT) Remembered() int { return v.verified.all.Len() }

// Forget forgets them.
func (v *JWT) Forget() { v.verified.all.Purge(); v.verified.bytes = 0 }
