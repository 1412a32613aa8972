// Package check is `studychat check`: it tries what a server with these settings needs, without starting one, and says what to run where
// something is missing. It changes nothing, and prints no secret.
package check

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"studychat/config"
)

// State is how good a part is.
type State string

// The states. A server starts while something is degraded.
const (
	OK       State = "ok"
	Degraded State = "degraded"
	Wrong    State = "wrong"
)

// Finding is what was found out about one part.
type Finding struct {
	Part  string   `json:"part"`
	State State    `json:"state"`
	Says  string   `json:"says"`
	Run   []string `json:"run,omitempty"` // commands that would mend it
}

// Report is all findings.
type Report []Finding

// Wrong says whether a server with these settings would not work.
func (r Report) Wrong() bool {
	for _, f := range r {
		if f.State == Wrong {
			return true
		}
	}
	return false
}

func (r *Report) add(part string, state State, says string, run ...string) {
	*r = append(*r, Finding{part, state, says, run})
}

// partTimeout bounds the check of one part.
const partTimeout = 15 * time.Second

// Settings reports the mistakes of settings that cannot be read.
func Settings(mistakes error) (r Report) {
	for line := range strings.SplitSeq(mistakes.Error(), "\n") {
		r.add("settings", Wrong, line)
	}
	return r
}

// All checks everything that the settings name.
func All(ctx context.Context, settings config.Settings, log *slog.Logger) (r Report) {
	r.add("settings", OK, "all can be read")
	for _, part := range []func(context.Context, config.Settings, *slog.Logger) Report{database, redis, authentication, server} {
		limited, cancel := context.WithTimeout(ctx, partTimeout)
		r = append(r, part(limited, settings, log)...)
		cancel()
	}
	return r
}
