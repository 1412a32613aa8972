package auth

import "net/http"

// Over reaches the identity provider in another way than over the network.
func (c JWTConfig) Over(transport http.RoundTripper) JWTConfig {
	c.transport = transport
	return c
}

// MaxWaiting is how many calls may wait for keys at a time.
const MaxWaiting = maxWaiting

// ParseKeys is how a fetched key set is read.
func ParseKeys(body string) (int, error) {
	keys, err := parseKeys([]byte(body))
	return len(keys), err
}
