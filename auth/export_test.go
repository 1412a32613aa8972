package auth

import "net/http"

// Over sets the transport to the identity provider.
func (c JWTConfig) Over(transport http.RoundTripper) JWTConfig {
	c.transport = transport
	return c
}
