//go:build !linux

package postgres

import "syscall"

// limitUnacknowledged does nothing: this system has no such limit. The deadlines of requests remain.
func limitUnacknowledged(string, string, syscall.RawConn) error { return nil }
