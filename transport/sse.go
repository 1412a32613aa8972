package transport

import (
	"context"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// serveEvents carries one operation as Server-Sent Events: graphql-sse's distinct connections mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). What is wrong with the operation is told in an event,
// as the protocol wants. A missing or invalid token is answered with an HTTP status, never with an event: clients would
// read an event as the normal end of the stream.
//
// A subscription's stream begins with an id of no event, the cursor from which it goes on: a client that is cut before the
// first event comes back with it.
//
// The header Last-Event-ID says from where the stream goes on: a browser's EventSource sends it by itself, and libraries
// that follow streams by POST do too.
func (t *Transport) serveEvents(w http.ResponseWriter, r *http.Request, in *incoming) {
	s, ok := t.reserveEvents(w, r)
	if !ok {
		return
	}
	defer t.closeEvents(w, r, s)
	cursors := graph.NewCursors()
	allowed := anything
	if r.Method != http.MethodPost {
		allowed = notMutations
	}
	ctx := graph.WithStarted(s.ctx, func(cursor string) { _ = s.out.put(s.ctx, eventID(cursor)) }) // fails only with the stream
	ctx = graph.WithCursors(ctx, cursors)
	if last := r.Header.Get("Last-Event-ID"); last != "" { // clients that use fetch repeat the body of their first request too
		ctx = graph.WithResume(ctx, last)
	}
	s.goroutines.Go(func() {
		placeless := func() { s.placeless.Store(true) }
		t.follow(ctx, in, allowed, placeless, func(answer []byte) error {
			return s.out.put(s.ctx, eventNext("", answer, cursors.Next()))
		})
		_ = s.out.putLast(s.ctx, eventComplete("")) // not if the stream was cut
	})
	s.serve(w, r, nil)
}

// serveEventSource is serveEvents for a browser's EventSource, which can neither post nor send headers: the operation
// is in the URL, and the token may be (RFC 6750, 2.3).
func (t *Transport) serveEventSource(w http.ResponseWriter, r *http.Request) {
	if !t.origins.admits(r) {
		refuse(w, http.StatusForbidden, db.CodeForbidden, "This origin may not open a stream.")
		return
	}
	params, err := decodeQuery(r.URL.RawQuery)
	if err != nil {
		refuseFor(w, err)
		return
	}
	ctx := r.Context()
	if tokens := r.URL.Query()["access_token"]; len(tokens) > 0 && r.Header.Get("Authorization") == "" {
		ctx, _ = auth.Authenticate(ctx, t.options.Verifier, "Bearer "+strings.Join(tokens, ", ")) // two are none
	}
	t.serveEvents(w, r.WithContext(ctx), small(params))
}

// anything and notMutations say which kinds of operations a request may run.
func anything(ast.Operation) bool          { return true }
func notMutations(kind ast.Operation) bool { return kind != ast.Mutation }

// follow runs an operation and hands over each of its answers, until it is over or put fails. It calls placeless for what is
// not a subscription: it needs no place in the log.
func (t *Transport) follow(ctx context.Context, in *incoming, allowed func(ast.Operation) bool, placeless func(), put func(answer []byte) error) {
	defer in.release()
	op, refusal := t.prepare(ctx, in)
	if refusal == nil && !allowed(op.kind()) {
		refusal = failure(db.CodeBadUserInput, "A GET may not mutate. Use POST.", nil)
	}
	if refusal != nil {
		_ = put(payload(refusal))
		return
	}
	if !op.streams() {
		placeless()
	}
	_ = op.each(put) // fails only with the stream
}
