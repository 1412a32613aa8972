package check

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"studychat/auth/jwks"
	"studychat/config"
)

// expiresSoon is long enough to renew a certificate by hand.
const expiresSoon = 14 * 24 * time.Hour

func authentication(ctx context.Context, settings config.Settings, _ *slog.Logger) (r Report) {
	switch {
	case settings.Auth.JWKSURL != "":
		keys, err := jwks.Fetch(ctx, settings.Auth.JWKSURL)
		if err != nil {
			r.add("authentication", Wrong, "the keys of JWKS_URL cannot be fetched, so no token is accepted: "+explain(err))
			return r
		}
		r.add("authentication", OK, fmt.Sprintf("JWKS_URL answers with %d keys that can be used", len(keys)))
	case settings.Auth.Secret != "":
		r.add("authentication", OK, "tokens are signed with JWT_SECRET")
	default:
		r.add("authentication", OK, "none: one local user, and only this machine can connect")
	}
	return r
}

// server checks what a server listens with.
func server(ctx context.Context, settings config.Settings, _ *slog.Logger) (r Report) {
	scheme := "http"
	if certificate := settings.HTTP.Certificate; certificate != nil {
		scheme = "https"
		r.certificate(certificate, time.Now())
	}
	r.port(ctx, "ADDR", scheme, settings.HTTP.Addr)
	if settings.HTTP.AdminAddr != "" {
		r.port(ctx, "ADMIN_ADDR", "http", settings.HTTP.AdminAddr)
	}
	return r
}

func (r *Report) certificate(certificate *tls.Certificate, now time.Time) {
	ends := certificate.Leaf.NotAfter
	switch until := ends.Format(time.DateTime); {
	case now.After(ends):
		r.add("server TLS", Wrong, "the certificate of TLS_CERT expired at "+until)
	case now.Before(certificate.Leaf.NotBefore):
		r.add("server TLS", Wrong, "the certificate of TLS_CERT is not valid yet")
	case now.Add(expiresSoon).After(ends):
		r.add("server TLS", Degraded, "the certificate of TLS_CERT expires soon, at "+until)
	default:
		r.add("server TLS", OK, "the certificate of TLS_CERT is valid until "+until)
	}
}

// port tries to listen. A port that studychat listens on already is good: then this runs beside the server.
func (r *Report) port(ctx context.Context, setting, scheme, addr string) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case err == nil:
		_ = listener.Close()
		r.add(setting, OK, addr+" is free")
	case errors.Is(err, syscall.EADDRINUSE) && lives(ctx, scheme, addr):
		r.add(setting, OK, "a server is listening on "+addr)
	default:
		r.add(setting, Wrong, explain(err))
	}
}

// lives says whether a studychat answers there.
func lives(ctx context.Context, scheme, addr string) bool {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+net.JoinHostPort(host, port)+"/livez", http.NoBody)
	if err != nil {
		return false
	}
	client := &http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is for the name that others use; this asks its own machine
	}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// isLocal says whether an address, which may be host:port/database, is of this machine.
func isLocal(address string) bool {
	if len(address) > 0 && address[0] == '/' { // a socket
		return true
	}
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}
