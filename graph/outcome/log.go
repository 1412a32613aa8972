// Package outcome logs what became of operations: at most one line for each, and few lines in a storm.
package outcome

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/db"
	"studychat/sample"
)

// Slow is how long an operation may take before the log says so.
const Slow = time.Second

// In each period, so many lines of a kind are written; the next one says how many were left out.
const (
	period      = 10 * time.Second
	mostLines   = 10
	maxName     = 64 // bytes of an operation's name, which clients choose
	hashedBytes = 8  // of a user's hash
)

// Operation is an operation that was answered.
type Operation struct {
	Type      string // query, mutation or subscription; "" for one that could not be prepared
	Name      string // as the document says
	Transport string
	Status    int    // of HTTP; 0: the answer has no status of its own
	Code      string // of the first error, or OK
	User      string // never written: the line has a hash of it
	Took      time.Duration
}

// Origin is where an operation or an event belongs to, for those who look for its line.
type Origin struct {
	RequestID string
	TraceID   string // "" if the client is not traced
}

// Log writes the lines.
type Log struct {
	log   *slog.Logger
	lines *sample.Lines[string]
}

// NewLog writes to log.
func NewLog(log *slog.Logger) *Log {
	return &Log{log, sample.NewLines[string](period, mostLines)}
}

// Quick says that nothing would be written of an operation, so that the caller need not describe it.
func Quick(took time.Duration, errs gqlerror.List) bool { return took <= Slow && len(errs) == 0 }

// Ran writes that an operation failed by a fault of the server or of what it depends on, or that it was slow. errs are the errors of its
// answer; their Err is what the log shall know, and is nil for mistakes of clients.
func (l *Log) Ran(ctx context.Context, from Origin, o Operation, errs gqlerror.List) {
	worst := worstOf(errs)
	if worst == nil && o.Took <= Slow {
		return
	}
	attrs := []any{
		"type", o.Type, "operation", o.Name[:min(len(o.Name), maxName)], "transport", o.Transport, "code", o.Code,
		"user", Hash(o.User), "duration_ms", o.Took.Milliseconds(),
	}
	if o.Status != 0 {
		attrs = append(attrs, "status", o.Status)
	}
	l.write(ctx, from, errs, worst, attrs)
}

// Failed writes that something other than an operation could not be answered: a request that never became one, or an event.
func (l *Log) Failed(ctx context.Context, from Origin, errs gqlerror.List) {
	if worst := worstOf(errs); worst != nil {
		l.write(ctx, from, errs, worst, nil)
	}
}

// StreamFailed writes that a subscription was disconnected by an error.
func (l *Log) StreamFailed(ctx context.Context, from Origin, err error) {
	l.line(ctx, slog.LevelError, "stream failed", append(from.attrs(), "error", err))
}

func (l *Log) write(ctx context.Context, from Origin, errs gqlerror.List, worst *gqlerror.Error, attrs []any) {
	attrs = append(attrs, from.attrs()...)
	if worst == nil {
		l.line(ctx, slog.LevelInfo, "a slow operation", attrs)
		return
	}
	attrs = append(attrs, "error", worst.Err, "path", worst.Path.String(), "errors", len(errs))
	if panicked, ok := errors.AsType[*Panic](worst.Err); ok {
		attrs = append(attrs, "stack", string(panicked.Stack))
	}
	if codeOf(worst) == db.CodeUnavailable {
		l.line(ctx, slog.LevelWarn, "a dependency failed", attrs)
		return
	}
	l.line(ctx, slog.LevelError, "internal error", attrs)
}

func (l *Log) line(ctx context.Context, level slog.Level, message string, attrs []any) {
	if leftOut, due := l.lines.Due(message); due {
		l.log.Log(ctx, level, message, append(attrs, "leftOut", leftOut)...)
	}
}

// traceAt is where a traceparent holds the id of the trace: 00-TRACE-SPAN-FLAGS.
const traceAt, traceEnd = 3, 35

// TraceID is the trace of a valid traceparent, or "".
func TraceID(traceparent string) string {
	if len(traceparent) < traceEnd {
		return ""
	}
	return traceparent[traceAt:traceEnd]
}

func (o Origin) attrs() []any {
	if o.TraceID == "" {
		return []any{"requestId", o.RequestID}
	}
	return []any{"requestId", o.RequestID, "traceId", o.TraceID}
}

// worstOf is the first error that the log shall know: a fault of the server before one of what it depends on.
func worstOf(errs gqlerror.List) (worst *gqlerror.Error) {
	for _, err := range errs {
		switch {
		case err.Err == nil:
		case codeOf(err) != db.CodeUnavailable:
			return err
		case worst == nil:
			worst = err
		}
	}
	return worst
}

func codeOf(err *gqlerror.Error) db.Code {
	code, _ := err.Extensions["code"].(string)
	return db.Code(code)
}

// Hash replaces the id of a user in the log. It is the same on all instances and over restarts, so that lines of one user can be found, by those
// who know the id: printf '%s' ID | sha256sum | head -c 16.
func Hash(user string) string {
	if user == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:hashedBytes])
}
