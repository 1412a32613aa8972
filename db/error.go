package db

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Code is the kind of an Error. The list is closed, because clients switch on it.
type Code string

// The codes that the domain itself raises. The edge adds those of the protocol (parsing, validation, limits).
const (
	CodeUnauthenticated Code = "UNAUTHENTICATED" // the request has no valid token
	CodeForbidden       Code = "FORBIDDEN"       // the viewer is a member, but may not do this
	CodeNotFound        Code = "NOT_FOUND"       // the object does not exist, or the viewer may not know of it
	CodeBadUserInput    Code = "BAD_USER_INPUT"  // Field names the argument at fault
	CodeConflict        Code = "CONFLICT"        // the call contradicts what is stored
	CodeRateLimited     Code = "RATE_LIMITED"    // too many requests; RetryAfter says when to try again
	CodeUnavailable     Code = "UNAVAILABLE"     // a dependency does not answer; a later attempt may succeed
	CodeInternal        Code = "INTERNAL"        // a fault of the server
)

// Error is the one error type of the project: a code for the client, a message that is safe to show,
// and the cause, which is logged and never shown. Any error that is not an Error counts as CodeInternal.
type Error struct {
	Code    Code
	Message string // safe to show to anyone
	Field   string // the argument at fault, for CodeBadUserInput
	Err     error  // the cause; nil for a mistake of the caller

	RetryAfter time.Duration // for CodeRateLimited, and CodeUnavailable where it is known: before that, trying again is of no use
}

// Error is for logs: it includes the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf returns the code of err: CodeInternal when it is not an Error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// NotFound is the answer both for a missing object and for one that the viewer may not see: it does not tell the two apart.
func NotFound(what string) error {
	return &Error{Code: CodeNotFound, Message: "There is no such " + what + "."}
}

// BadInput names the argument at fault and says what it should be.
func BadInput(field, format string, args ...any) error {
	return &Error{Code: CodeBadUserInput, Field: field, Message: field + " " + fmt.Sprintf(format, args...)}
}

// Forbidden refuses a member something that others may do.
func Forbidden(message string) error { return &Error{Code: CodeForbidden, Message: message} }

// Conflict says that the call contradicts what is stored.
func Conflict(message string) error { return &Error{Code: CodeConflict, Message: message} }

// RateLimited refuses a call that may be tried again after wait.
func RateLimited(wait time.Duration) error {
	return &Error{Code: CodeRateLimited, Message: "Too much in too short a time. Please slow down.", RetryAfter: wait}
}

// Unavailable hides which dependency failed; cause goes to the log.
func Unavailable(cause error) error {
	return &Error{Code: CodeUnavailable, Message: "The service is not available at the moment.", Err: cause}
}

// Within runs do with a time limit. When the limit ends it, and not the caller, the error is UNAVAILABLE: do sees only that its context
// has ended, and would report that the caller gave up.
func Within(ctx context.Context, limit time.Duration, do func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return Unavailable(err)
	}
	return err
}
