package transport

import (
	"errors"
	"net/http"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
)

// refuse answers a request that never became an operation, in the form of a GraphQL answer.
func refuse(w http.ResponseWriter, status int, code db.Code, message string) {
	refuseWith(w, status, failure(code, message, nil))
}

func refuseWith(w http.ResponseWriter, status int, answer *graphql.Response) {
	w.Header().Set("Content-Type", mediaJSON+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(payload(answer))
}

// refuseFor answers with a badRequest, or that the same request may pass another time.
func refuseFor(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errBusy):
		refuseBusy(w)
		return
	case errors.Is(err, errLateBody):
		refuse(w, http.StatusRequestTimeout, db.CodeUnavailable, "The body did not arrive in time.")
		return
	}
	bad, ok := errors.AsType[*badRequest](err)
	if !ok {
		bad = errNoObject
	}
	refuse(w, bad.status, db.CodeBadUserInput, bad.message)
}

func refuseMethod(w http.ResponseWriter, allow string) {
	w.Header().Set("Allow", allow)
	refuse(w, http.StatusMethodNotAllowed, db.CodeBadUserInput, "The method must be one of "+allow+".")
}

func refuseMedia(w http.ResponseWriter) {
	refuse(w, http.StatusNotAcceptable, db.CodeBadUserInput, "The answer can be "+mediaGraphQL+", "+mediaJSON+" or "+mediaEvents+".")
}

// refuseStranger refuses who has no good token before the body is decoded, which costs ten times as much as to say no. The
// executor would refuse too, in the same words. It says whether it did.
func refuseStranger(w http.ResponseWriter, r *http.Request, media string) bool {
	_, err := auth.FromContext(r.Context())
	switch {
	case err == nil:
		return false
	case media == "":
		refuseMedia(w)
	case media == mediaEvents:
		refuseViewer(w, err)
	default:
		writeAnswer(w, r, noViewer(err), media)
	}
	return true
}

// refuseViewer answers a request for a stream that needs a viewer: 401, or 503 when the identity provider could not be asked,
// since clients give up for good on the first.
func refuseViewer(w http.ResponseWriter, err error) {
	answer := noViewer(err)
	code := status(codeOf(answer))
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 15.5.2
	} else {
		w.Header().Set("Retry-After", "5")
	}
	refuseWith(w, code, answer)
}

// noViewer says why there is none.
func noViewer(err error) *graphql.Response {
	if own, ok := errors.AsType[*db.Error](err); ok {
		return failure(own.Code, own.Message, nil)
	}
	return failure(db.CodeUnauthenticated, "This needs a token.", nil)
}

// refuseForNow refuses a stream that may begin a little later, or elsewhere.
func (t *Transport) refuseForNow(w http.ResponseWriter) {
	if t.live.draining() {
		refuseStopping(w)
		return
	}
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusServiceUnavailable, db.CodeUnavailable, "The stream cannot begin at the moment.")
}

// refuseStopping sends a client to another instance.
func refuseStopping(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusServiceUnavailable, db.CodeUnavailable, "This instance is stopping.")
}

// refuseTooMany sends away whoever has too much open, for a while.
func refuseTooMany(w http.ResponseWriter, message string) {
	answer := failure(db.CodeRateLimited, message, map[string]any{"retryAfterMs": 5000})
	w.Header().Set("Retry-After", retryAfter(answer))
	refuseWith(w, http.StatusTooManyRequests, answer)
}
