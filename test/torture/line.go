// Package torture shows that what the README promises holds under faults: three real server processes on one PostgreSQL
// and one Redis, some hundred subscribers, a steady load, and faults one after the other.
//
//	make torture          all checks, some 13 minutes
//	make torture-short    those that matter most, with less load, some 4 minutes
//	go test ./torture -run 'TestTorture/redis-kill$' -torture long -v    one, with the servers' logs
//
// Where the server has not been built with a wrong clock before (see clock_test.go), that takes two minutes more.
//
// What hostile clients do is watched through /proc, so those checks need Linux.
//
// The checks are tests (TestTorture), left out unless the flag -torture is given. Each appends one Line to
// torture.jsonl; package report makes docs/reliability.md of it. The validators that judge them have tests of their own,
// which always run: a validator that cannot object proves nothing.
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

	// Deliveries: events times those who have to get them.
	Committed  int `json:"committed"`  // that the database says were due
	Delivered  int `json:"delivered"`  // of those, how many came
	Lost       int `json:"lost"`       // of those, how many did not
	Duplicates int `json:"duplicates"` // came again, in a stream of one chat
	Gaps       int `json:"gaps"`       // came out of order or too early
	Resets     int `json:"resets"`     // StreamReset events where none was due
	Stale      int `json:"stale"`      // reads that began after a write was answered, and saw older

	// From before the sending HTTP request to receipt by the subscriber, of what was sent during the faults (of
	// everything, where there is no time of faults).
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`

	CaughtUp float64  `json:"caught_up_ms"` // from the end of the faults until all that was sent before had come
	OK       bool     `json:"ok"`
	Notes    []string `json:"notes"` // what else was measured, and every limit that was missed
	Seconds  float64  `json:"seconds"`
}

// Append adds the line to a file of lines.
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
