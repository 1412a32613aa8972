package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"studychat/config"
)

const (
	healthTimeout = 5 * time.Second
	healthBytes   = 4 << 10
)

// healthcheck is `studychat healthcheck`: it asks the server that runs with the same settings on this machine whether it is ready.
func healthcheck(ctx context.Context, settings config.HTTP) error {
	scheme, addr := "http", settings.AdminAddr // which never speaks TLS
	if addr == "" {
		addr = settings.Addr
		if settings.Certificate != nil {
			scheme = "https"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+reachable(addr)+"/readyz", nil)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // the certificate is for the name that others use; this asks its own machine
	}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(response.Body, healthBytes))
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status + " " + string(body))
	}
	if err != nil {
		return fmt.Errorf("not ready: %w", err)
	}
	return nil
}

// reachable is where this machine reaches a server that listens on addr.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("localhost", port)
	}
	return addr
}
