package transport

import (
	"context"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// serveEvents carries one operation as Server-Sent Events: graphql-sse's distinct connections mode
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md). What is wrong with the operation is told in an event,
// as the protocol wants; who has no valid token is told by the status, so that no client takes it for an end.
//
// A subscription's stream begins with an id of no event, the cursor from which it goes on: a client that is cut before the
// first event comes back with it. Programs that post send Last-Event-ID too, as libraries that imitate EventSource do.
func (t *Transport) serveEvents(w http.ResponseWriter, r *http.Request, params *graphql.RawParams) {
	s, ok := t.reserveEvents(w, r)
	if !ok {
		return
	}
	defer s.close(r)
	cursors := graph.NewCursors(func(start string) { _ = s.out.put(s.ctx, eventID(start)) }) // fails only with the stream
	ctx := graph.WithCursors(s.ctx, cursors)
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		ctx = graph.WithResume(ctx, last)
	}
	allowed := anything
	if r.Method != http.MethodPost {
		allowed = notMutations
	}
	s.goroutines.Go(func() {
		t.follow(ctx, params, allowed, func(answer []byte) error {
			return s.out.put(s.ctx, eventNext("", answer, cursors.Next()))
		})
		_ = s.out.putLast(s.ctx, eventComplete("")) // not if the stream was cut
	})
	s.serve(w, r, nil)
}

// serveEventSource is serveEvents for a browser's EventSource, which can neither post nor send headers: the operation
// stands in the URL, the token may (RFC 6750, 2.3), and after a cut the browser sends the id of the last event by itself.
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
	t.serveEvents(w, r.WithContext(ctx), params)
}

// anything and notMutations say which kinds of operations a request may run.
func anything(ast.Operation) bool          { return true }
func notMutations(kind ast.Operation) bool { return kind != ast.Mutation }

// follow runs an operation and hands over each of its answers, until it is over or put fails.
func (t *Transport) follow(ctx context.Context, params *graphql.RawParams, allowed func(ast.Operation) bool, put func(answer []byte) error) {
	op, refusal := t.prepare(ctx, params)
	if refusal == nil && !allowed(op.kind()) {
		refusal = failure(db.CodeBadUserInput, "A GET may not mutate. Use POST.", nil)
	}
	if refusal != nil {
		_ = put(payload(refusal))
		return
	}
	_ = op.each(put) // fails only with the stream
}
