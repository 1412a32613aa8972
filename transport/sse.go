package transport

import (
	"context"
	"net/http"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
	"studychat/transport/params"
)

// serveEvents carries one operation as Server-Sent Events: graphql-sse's distinct connections mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). Errors of the operation are sent in an event, as the
// protocol asks. A missing or invalid token is answered with an HTTP status, never with an event: clients would
// read an event as the normal end of the stream.
//
// A subscription's stream begins with an id without an event, the cursor from which it goes on: a client that is disconnected
// before the first event resumes from it.
//
// The header Last-Event-ID says from where the stream goes on. A browser's EventSource sends it by itself, and so do libraries
// that read streams by POST.
func (t *Transport) serveEvents(w http.ResponseWriter, r *http.Request, in *incoming) {
	s, ok := t.reserveEvents(w, r)
	if !ok {
		return
	}
	defer t.closeEvents(w, r, s)
	allowed := anything
	if r.Method != http.MethodPost {
		allowed = notMutations
	}
	of := graph.RequestFrom(s.ctx)
	of.Cursors = graph.NewCursors()
	of.Started = func(cursor string) { _ = s.out.put(s.ctx, eventID(cursor)) } // fails only with the stream
	of.Resume = r.Header.Get("Last-Event-ID")                                  // clients that use fetch repeat the body of their first request too
	ctx := graph.WithRequest(s.ctx, of)
	s.goroutines.Go(func() {
		placeless := func() { s.placeless.Store(true) }
		t.runner.follow(ctx, in, allowed, placeless, func(answer []byte) error {
			return s.out.put(s.ctx, eventNext("", answer, of.Cursors.Next()))
		})
		_ = s.out.putLast(s.ctx, eventComplete("")) // not if the stream was cut
	})
	s.serve(w, r, nil)
}

// serveEventSource is serveEvents for a browser's EventSource, which can neither post nor send headers: the operation
// is in the URL, and the token may be (RFC 6750, 2.3).
func (t *Transport) serveEventSource(w http.ResponseWriter, r *http.Request) {
	if !t.origins.Admits(r) {
		t.refuse.with(w, r, http.StatusForbidden, db.CodeForbidden, "This origin may not open a stream.")
		return
	}
	read, err := params.FromQuery(r.URL.RawQuery)
	if err != nil {
		t.refuse.unread(w, r, err)
		return
	}
	ctx := r.Context()
	if tokens := r.URL.Query()["access_token"]; len(tokens) > 0 && r.Header.Get("Authorization") == "" {
		ctx, _ = auth.Authenticate(ctx, t.options.Verifier, "Bearer "+strings.Join(tokens, ", ")) // two credentials count as none
	}
	t.serveEvents(w, r.WithContext(ctx), small(read))
}

// anything and notMutations say which kinds of operations a request may run.
func anything(ast.Operation) bool          { return true }
func notMutations(kind ast.Operation) bool { return kind != ast.Mutation }

// follow runs an operation and hands over each of its answers, until it is over or put fails. It calls placeless for what is
// not a subscription: it needs no place in the log.
func (u runner) follow(ctx context.Context, in *incoming, allowed func(ast.Operation) bool, placeless func(), put func(answer []byte) error) {
	defer in.release()
	op, refusal := u.prepare(ctx, in)
	if refusal == nil && !allowed(op.kind()) {
		refusal = u.failure(ctx, db.CodeBadUserInput, "A GET may not mutate. Use POST.")
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
