package outcome_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
	"studychat/graph/outcome"
)

func presented(code db.Code, cause error) *gqlerror.Error {
	return &gqlerror.Error{Message: "shown", Err: cause, Extensions: map[string]any{"code": string(code)}}
}

// TestOneLine: which line is written of an operation, if any.
func TestOneLine(t *testing.T) {
	t.Parallel()
	away, bug := presented(db.CodeUnavailable, errors.New("away")), presented(db.CodeInternal, errors.New("a bug"))
	panicked := presented(db.CodeInternal, &db.Error{Code: db.CodeInternal, Err: &outcome.Panic{Cause: "index", Stack: []byte("at a.go")}})
	mistake := presented(db.CodeNotFound, nil)
	for _, c := range []struct {
		reason string
		took   time.Duration
		errs   gqlerror.List
		want   []string // nil: no line
	}{
		{"quick", time.Millisecond, nil, nil},
		{"a mistake", time.Millisecond, gqlerror.List{mistake}, nil},
		{"slow", 2 * time.Second, nil, []string{"level=INFO", "slow", "duration_ms=2000", "requestId=r"}},
		{"a slow mistake", 2 * time.Second, gqlerror.List{mistake}, []string{"level=INFO", "slow"}},
		{"away", time.Millisecond, gqlerror.List{mistake, away, away}, []string{"level=WARN", "error=away", "errors=3"}},
		{"a bug among others", time.Millisecond, gqlerror.List{away, bug}, []string{"level=ERROR", `error="a bug"`}},
		{"a panic", time.Millisecond, gqlerror.List{panicked}, []string{"level=ERROR", "panic: index", `stack="at a.go"`}},
	} {
		var text bytes.Buffer
		log := outcome.NewLog(slog.New(slog.NewTextHandler(&text, nil)))
		log.Ran(context.Background(), outcome.Origin{RequestID: "r"}, outcome.Operation{User: "ann", Took: c.took}, c.errs)
		if n := strings.Count(text.String(), "\n"); n != min(len(c.want), 1) || strings.Contains(text.String(), "ann") {
			t.Errorf("%s: %s", c.reason, text.String())
		}
		for _, word := range c.want {
			if !strings.Contains(text.String(), word) {
				t.Errorf("%s: no %s in %s", c.reason, word, text.String())
			}
		}
	}
}

// TestHash: it names nobody, and is what the shell makes of an id too.
func TestHash(t *testing.T) {
	t.Parallel()
	if got := outcome.Hash("ann"); got != "49915e0d7d4b402e" || outcome.Hash("") != "" {
		t.Error(got)
	}
	if got := outcome.TraceID("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); got != "0af7651916cd43dd8448eb211c80319c" || outcome.TraceID("") != "" {
		t.Error(got)
	}
}
