package auth

import "net/http"

// Over reaches the identity provider in another way than over the network.
func (c JWTConfig) Over(transport http.RoundTripper) JWTConfig {
	c.transport = transport
	return c
}
