package config

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPort      = "8080"
	maxShutdownDelay = time.Minute // load balancers look every few seconds, and some DNS caches keep an address for a minute
)

// HTTP says where the server listens and which browsers and proxies it trusts.
type HTTP struct {
	Addr           string        `env:"ADDR"`
	Port           string        `env:"PORT"`
	AdminAddr      string        `env:"ADMIN_ADDR"`
	AllowedOrigins []string      `env:"ALLOWED_ORIGINS"`
	TrustedProxies []string      `env:"TRUSTED_PROXIES"`
	TLSCert        string        `env:"TLS_CERT"`
	TLSKey         string        `env:"TLS_KEY"`
	ShutdownDelay  time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s"`

	Proxies     []netip.Prefix   // parsed from TrustedProxies
	Certificate *tls.Certificate // loaded from TLSCert and TLSKey; nil without TLS
}

func (h *HTTP) validate(authenticated bool) []string {
	mistakes := append(h.validateAddr(authenticated), h.validateAdminAddr()...)
	for _, origin := range h.AllowedOrigins {
		if mistake := checkOrigin(origin); mistake != "" {
			mistakes = append(mistakes, "ALLOWED_ORIGINS: "+mistake)
		}
	}
	for _, text := range h.TrustedProxies {
		proxy, mistake := parseNetwork(text)
		if mistake != "" {
			mistakes = append(mistakes, "TRUSTED_PROXIES: "+mistake)
			continue
		}
		h.Proxies = append(h.Proxies, proxy)
	}
	mistakes = append(mistakes, h.loadCertificate()...)
	if h.ShutdownDelay < 0 || h.ShutdownDelay > maxShutdownDelay {
		mistakes = append(mistakes, "SHUTDOWN_DELAY must be 0s to 1m.")
	}
	return mistakes
}

// validateAddr completes Addr from Port. Without authentication the server must listen on loopback only.
func (h *HTTP) validateAddr(authenticated bool) []string {
	if h.Addr != "" && h.Port != "" {
		return []string{"ADDR and PORT cannot both be set."}
	}
	if h.Addr == "" {
		host := "127.0.0.1"
		if authenticated {
			host = "" // all interfaces: a platform that sets PORT connects from another machine
		}
		h.Addr = net.JoinHostPort(host, cmp.Or(h.Port, defaultPort))
	}
	host, port, err := net.SplitHostPort(h.Addr)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil {
		if h.Port != "" {
			return []string{"PORT must be 0 to 65535."}
		}
		return []string{"ADDR must be host:port, such as 127.0.0.1:8080."}
	}
	if !authenticated && !isLoopback(host) {
		return []string{"ADDR is open to others, but no authentication is configured: set JWT_SECRET or JWKS_URL, or listen on 127.0.0.1."}
	}
	return nil
}

// validateAdminAddr completes AdminAddr. A port alone is of loopback, since the server for operators asks for no token.
func (h *HTTP) validateAdminAddr() []string {
	if h.AdminAddr == "" {
		return nil
	}
	if _, err := strconv.ParseUint(strings.TrimPrefix(h.AdminAddr, ":"), 10, 16); err == nil {
		h.AdminAddr = net.JoinHostPort("127.0.0.1", strings.TrimPrefix(h.AdminAddr, ":"))
	}
	host, port, err := net.SplitHostPort(h.AdminAddr)
	if _, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" {
		return []string{"ADMIN_ADDR must be a port, for this machine alone, or host:port, such as 0.0.0.0:9090."}
	}
	return nil
}

// AdminLoopback reports whether only this machine reaches the server for operators.
func (h *HTTP) AdminLoopback() bool {
	host, _, _ := net.SplitHostPort(h.AdminAddr)
	return isLoopback(host)
}

func (h *HTTP) loadCertificate() []string {
	switch {
	case (h.TLSCert == "") != (h.TLSKey == ""):
		return []string{"TLS_CERT and TLS_KEY must both be set, or neither."}
	case h.TLSCert == "":
		return nil
	}
	certificate, err := tls.LoadX509KeyPair(h.TLSCert, h.TLSKey)
	if err != nil {
		return []string{"TLS_CERT, TLS_KEY: " + err.Error() + "."}
	}
	h.Certificate = &certificate
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
