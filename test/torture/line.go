// Package torture shows that the promises of the README hold under faults. It runs three real server processes on one
// PostgreSQL and one Redis, with some hundred subscribers, a steady load, and one fault after the other.
//
//	make torture          all checks, some 13 minutes
//	make torture-short    the most important ones, with less load, some 4 minutes
//	go test ./test/torture -run 'TestTorture/redis-kill$' -torture long -v    one check, with the servers' logs
//
// The first build of the server with a wrong clock takes two minutes more (see clock_test.go).
//
// The checks of hostile clients read /proc, so they need Linux.
//
// The checks are tests (TestTorture) that are skipped without the flag -torture. Each appends one Line to
// torture.jsonl, and package report turns that into docs/reliability.md. The validators have tests of their own, which
// always run: a validator that cannot object proves nothing.
package torture

import (
	"encoding/json"
	"errors"
	"os"
)

// Line is the outcome of one check.
type Line struct {
	Check string `json:"check"`
	Load  string `json:"load"`
	Fault string `json:"faults"`

	// Deliveries: events times their subscribers.
	Committed  int `json:"committed"`  // due according to the database
	Delivered  int `json:"delivered"`  // how many of those arrived
	Lost       int `json:"lost"`       // how many of those did not
	Duplicates int `json:"duplicates"` // arrived again, in the stream of one chat
	Gaps       int `json:"gaps"`       // arrived out of order or too early
	Resets     int `json:"resets"`     // StreamReset events where none was due
	Stale      int `json:"stale"`      // reads that began after a write was answered and returned an older value

	// From before the sender's HTTP request until receipt by the subscriber, for messages sent during the faults (for
	// all messages where the check has no window of faults).
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`

	CaughtUp float64  `json:"caught_up_ms"` // from the end of the faults until everything sent before had arrived
	OK       bool     `json:"ok"`
	Notes    []string `json:"notes"` // further measurements, and every missed limit
	Seconds  float64  `json:"seconds"`
}

// Append adds the line to a file.
func (l Line) Append(path string) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // for everybody to read
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	return errors.Join(err, file.Close())
}
