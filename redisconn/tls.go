package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"
	"sync"
)

// Mistakes in settings, without the values.
var (
	errNoTLS       = errors.New("needs an address over TLS: rediss://, rediss+sentinel:// or https://")
	errNoPEM       = errors.New("holds no certificate in PEM")
	errNoSentinels = errors.New("needs the address of sentinels: redis+sentinel:// or rediss+sentinel://")
)

// UseCA trusts the certificate authorities of a file, in PEM, and no others.
func (s *Settings) UseCA(file string) error {
	if !s.tls {
		return errNoTLS
	}
	text, err := os.ReadFile(file) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return errNoPEM
	}
	s.authorities = pool
	return nil
}

// UseCertificate shows the certificate of the files to Redis. It is read again for each connection, so that a renewed one is used without
// a restart.
func (s *Settings) UseCertificate(cert, key string) error {
	if !s.tls {
		return errNoTLS
	}
	c := &clientCertificate{cert: cert, key: key}
	if err := c.read(); err != nil {
		return err
	}
	s.certificate = c
	return nil
}

// UseSentinelLogin gives the sentinels a user and a password of their own, instead of the password of the servers.
func (s *Settings) UseSentinelLogin(user, password string) error {
	if s.kind != sentinel {
		return errNoSentinels
	}
	s.sentinelUser, s.sentinelPassword = user, password
	return nil
}

func (s *Settings) tlsConfig() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.authorities} // the server's name comes from each address
	if s.certificate != nil {
		config.GetClientCertificate = s.certificate.get
	}
	return config
}

// clientCertificate is read from files. A new connection is rare enough for reading them each time.
type clientCertificate struct {
	cert, key string

	mu   sync.Mutex
	last *tls.Certificate
}

func (c *clientCertificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = &pair
	return nil
}

// get implements tls.Config.GetClientCertificate. While the files cannot be read, or do not belong together yet, the one before stays in
// use: Redis says so if it has run out.
func (c *clientCertificate) get(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
	_ = c.read()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, nil
}
