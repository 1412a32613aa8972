package transport

import (
	"errors"
	"net/http"

	"studychat/db"
)

// refuse answers a request that never became an operation, in the form of a GraphQL answer.
func refuse(w http.ResponseWriter, status int, code db.Code, message string) {
	w.Header().Set("Content-Type", mediaJSON+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(payload(failure(code, message, nil)))
}

// refuseFor answers with a badRequest.
func refuseFor(w http.ResponseWriter, err error) {
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

// refuseStopping sends a client to another instance.
func refuseStopping(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	refuse(w, http.StatusServiceUnavailable, db.CodeUnavailable, "This instance is stopping.")
}

func refuseTooMany(w http.ResponseWriter, message string) {
	w.Header().Set("Retry-After", "5")
	refuse(w, http.StatusTooManyRequests, db.CodeRateLimited, message)
}
