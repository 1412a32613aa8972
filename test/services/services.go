// Package services gives tests a throwaway PostgreSQL and Redis.
//
// A service comes from TEST_DATABASE_URL or TEST_REDIS_URL if set, else from the binaries of this machine, started as
// children on free loopback ports. There is no TestMain to write and nothing to close: children and their directories
// go away with the test, or with the test process however it dies (see child). Nothing here keeps a goroutine running,
// so that packages may use goleak without exceptions.
//
// If a service is missing, the test is skipped, or fails if CI=true: CI must not skip tests silently.
// Works on Linux and, but for the port held while a server is down, on macOS.
package services

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

// pollEvery is how often a starting or stopping service is polled.
const pollEvery = 10 * time.Millisecond

// InCI reports whether CI is set to a true value: then no test may be skipped.
func InCI() bool {
	in, err := strconv.ParseBool(os.Getenv("CI"))
	return err == nil && in
}

// Missing ends a test that lacks a service or a program. It skips the test, or fails it in CI.
func Missing(t testing.TB, reason error) {
	t.Helper()
	if InCI() {
		t.Fatalf("CI=true and a service is missing: %v", reason)
	}
	t.Skipf("left out, as a service is missing: %v", reason)
}

// poll calls check until it returns nil; at the deadline of ctx it returns the last error.
func poll(ctx context.Context, check func(context.Context) error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%w; last seen: %w", ctx.Err(), err)
		}
	}
}
