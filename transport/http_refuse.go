package transport

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/params"
	"studychat/transport/stats"
)

// refusals answer requests that never become an operation, in the form of a GraphQL answer. Package graph presents the
// errors.
type refusals struct {
	executor Executor
	stats    *stats.Stats
	warnings *admission.Warnings
}

// with answers with an error of that code and message.
func (f refusals) with(w http.ResponseWriter, r *http.Request, status int, code db.Code, message string) {
	writeRefusal(w, status, f.failure(r.Context(), code, message))
}

func writeRefusal(w http.ResponseWriter, status int, answer *graphql.Response) {
	if wait := retryAfter(answer); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	w.Header().Set("Content-Type", mediaJSON+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(payload(answer)) //nolint:gosec // JSON, and no browser guesses another type
}

// failure is an answer that holds one error.
func (f refusals) failure(ctx context.Context, code db.Code, message string) *graphql.Response {
	return f.executor.Refuse(ctx, &db.Error{Code: code, Message: message})
}

// later is an answer that tells the client to try again after wait.
func (f refusals) later(ctx context.Context, code db.Code, message string, wait time.Duration) *graphql.Response {
	return f.executor.Refuse(ctx, &db.Error{Code: code, Message: message, RetryAfter: wait})
}

// unread answers a request that could not be read.
func (f refusals) unread(w http.ResponseWriter, r *http.Request, err error) {
	bad, ok := errors.AsType[*params.Error](err)
	switch {
	case errors.Is(err, errBusy):
		writeRefusal(w, http.StatusServiceUnavailable, f.later(r.Context(), db.CodeUnavailable, "Too many large requests are under way. Try again in a moment.", retryLargeBody))
		return
	case errors.Is(err, errLateBody):
		f.with(w, r, http.StatusRequestTimeout, db.CodeUnavailable, "The body did not arrive in time.")
		return
	case !ok:
		bad = params.NoObject
	}
	f.with(w, r, bad.Status, db.CodeBadUserInput, bad.Message)
}

func (f refusals) method(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	f.with(w, r, http.StatusMethodNotAllowed, db.CodeBadUserInput, "The method must be one of "+allow+".")
}

func (f refusals) media(w http.ResponseWriter, r *http.Request) {
	f.with(w, r, http.StatusNotAcceptable, db.CodeBadUserInput, "The answer can be "+mediaGraphQL+", "+mediaJSON+" or "+mediaEvents+".")
}

// unauthenticated refuses a request without a valid token before its body is decoded, which would cost ten times as much.
// The executor would refuse it too, in the same words. It says whether it did.
func (f refusals) unauthenticated(w http.ResponseWriter, r *http.Request, media string) bool {
	_, err := auth.FromContext(r.Context())
	switch {
	case err == nil:
		return false
	case media == "":
		f.media(w, r)
	case media == mediaEvents:
		f.stream(w, r, err)
	default:
		f.noteToken(r.Context(), err)
		writeAnswer(w, r, f.executor.Refuse(r.Context(), err), media)
	}
	return true
}

// stream answers a request for a stream without a viewer: 401, or 503 when the identity provider could not be asked, since
// clients give up for good on 401.
func (f refusals) stream(w http.ResponseWriter, r *http.Request, err error) {
	f.noteToken(r.Context(), err)
	answer := f.executor.Refuse(r.Context(), err)
	code := status(codeOf(answer))
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 15.5.2
	} else {
		w.Header().Set("Retry-After", "5")
	}
	writeRefusal(w, code, answer)
}

// noteToken counts a token that was not accepted, and logs some.
func (f refusals) noteToken(ctx context.Context, err error) {
	reason := auth.Reason(err)
	f.stats.AuthRefusals.Of(reason).Add(1)
	f.warnings.Warn(ctx, admission.TokenRefused(reason))
}

// forNow refuses a stream that may begin a little later, or on another instance.
func (f refusals) forNow(w http.ResponseWriter, r *http.Request, draining bool) {
	message := "The stream cannot begin at the moment."
	if draining {
		f.stats.Refused.Of("stopping").Add(1)
		message = "This instance is stopping."
	}
	w.Header().Set("Retry-After", "1")
	f.with(w, r, http.StatusServiceUnavailable, db.CodeUnavailable, message)
}

// tooMany refuses a client that has too much open.
func (f refusals) tooMany(w http.ResponseWriter, r *http.Request, message string) {
	writeRefusal(w, http.StatusTooManyRequests, f.later(r.Context(), db.CodeRateLimited, message, 5*time.Second))
}

// retryFull is how long clients wait before they ask an instance again that is full.
const retryFull = 5 * time.Second

// connection answers why a connection was not admitted.
func (f refusals) connection(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errStopping):
		f.forNow(w, r, true)
	case errors.Is(err, errTooMany): // not the client's fault, and another instance may have room
		writeRefusal(w, http.StatusServiceUnavailable, f.later(r.Context(), db.CodeUnavailable, "This instance has as many connections as it takes.", retryFull))
	case errors.Is(err, errTooManyUser):
		f.tooMany(w, r, "You have too many connections open.")
	default:
		f.tooMany(w, r, "There are too many connections from your address.")
	}
}

func (f refusals) tooManyOperations(ctx context.Context) *graphql.Response {
	return f.executor.Refuse(ctx, &gqlerror.Error{
		Err:        &db.Error{Code: db.CodeRateLimited, Message: "A connection may have at most 50 operations open.", RetryAfter: time.Second},
		Extensions: map[string]any{"limit": MaxOperations},
	})
}
