package transport

import (
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/transport/lazy"
	"studychat/transport/params"
	"studychat/transport/stats"
)

// graphql serves /graphql: GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/), sockets, and
// graphql-sse's distinct connections mode.
func (t *Transport) graphql(w http.ResponseWriter, r *http.Request) {
	switch {
	case wantsSocket(r):
		t.serveSocket(w, r)
	case r.Method == http.MethodPost:
		t.servePost(w, r)
	case lostUpgrade(r):
		t.refuseLostUpgrade(w, r)
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		t.serveGet(w, r)
	default:
		t.refuse.method(w, r, "GET, HEAD, POST, OPTIONS")
	}
}

func (t *Transport) servePost(w http.ResponseWriter, r *http.Request) {
	media := negotiate(r.Header["Accept"])
	if t.refuse.unauthenticated(w, r, media) {
		return
	}
	in, err := t.readParams(w, r)
	if err != nil {
		t.refuse.unread(w, r, err)
		return
	}
	if media == mediaEvents { // the stream outlives this handler, and releases the request itself
		t.serveEvents(w, r, in)
		return
	}
	defer in.release()
	if media == "" {
		t.refuse.media(w, r)
		return
	}
	t.serveAnswer(w, r, in, media)
}

// serveGet answers queries only, and only requests with a header that makes browsers send a preflight: a foreign page can make a
// browser send any other GET by itself, with a form, an image or a link.
func (t *Transport) serveGet(w http.ResponseWriter, r *http.Request) {
	media := negotiate(r.Header["Accept"])
	switch {
	case media == mediaEvents && r.Method == http.MethodHead: // nobody would read the stream
		t.refuse.method(w, r, "GET, POST, OPTIONS")
		return
	case media == mediaEvents:
		t.serveEventSource(w, r)
		return
	case media == "":
		t.refuse.media(w, r)
		return
	case !asksFirst(r):
		t.refuse.with(w, r, http.StatusBadRequest, db.CodeBadUserInput, "A GET needs a header that browsers ask for first, such as GraphQL-Preflight: 1.")
		return
	case t.refuse.unauthenticated(w, r, media):
		return
	}
	read, err := params.FromQuery(r.URL.RawQuery)
	if err != nil {
		t.refuse.unread(w, r, err)
		return
	}
	t.serveAnswer(w, r, small(read), media)
}

// preflightHeaders each make a browser send a preflight (Fetch standard 3.3.8) before a request to another origin.
// GraphQL-Preflight is Hot Chocolate's, the next two are Apollo's, the fourth is in general use.
var preflightHeaders = []string{"GraphQL-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "Authorization"}

func asksFirst(r *http.Request) bool {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return hasAny(r.Header, preflightHeaders...) || media == mediaJSON || r.Header.Get("Sec-Fetch-Site") == "same-origin" // browsers alone set Sec-Fetch-Site
}

func hasAny(header http.Header, names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return header.Get(name) != "" })
}

// serveAnswer serves an operation that has one answer.
func (t *Transport) serveAnswer(w http.ResponseWriter, r *http.Request, in *incoming, media string) {
	ctx, cancel := lazy.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	op, refusal := t.runner.prepare(ctx, in)
	switch {
	case refusal != nil:
		t.runner.ran(ctx, stats.HTTP, nil, refusal, statusOf(refusal, media))
		writeAnswer(w, r, refusal, media)
		return
	case r.Method != http.MethodPost && op.Kind() != ast.Query:
		w.Header().Set("Allow", "POST, OPTIONS")
		refusal = t.refuse.failure(ctx, db.CodeBadUserInput, "A GET may only query. Use POST.")
		t.runner.ran(ctx, stats.HTTP, op, refusal, http.StatusMethodNotAllowed)
		writeRefusal(w, http.StatusMethodNotAllowed, refusal)
		return
	}
	if refusal = t.runner.shed(op); refusal != nil { // with a status that balancers and proxies understand, whatever the media type
		t.runner.ran(ctx, stats.HTTP, op, refusal, http.StatusServiceUnavailable)
		writeRefusal(w, http.StatusServiceUnavailable, refusal)
		return
	}
	data := buffers.Get()
	answer := op.Answer(op.ctx, data.Bytes)
	t.runner.ran(ctx, stats.HTTP, op, answer, statusOf(answer, media))
	in.release() // the answer may wait long for its client
	buffer := buffers.Get()
	buffer.Bytes = appendPayload(buffer.Bytes[:0], answer)
	if cap(answer.Data) > cap(data.Bytes) {
		data.Bytes = answer.Data
	}
	buffers.Put(data)
	release, ok := t.quotas.answer(ctx, buffer.Bytes)
	if !ok {
		writeAnswer(w, r, t.runner.tooMuchWaits(ctx), media)
		return
	}
	defer release()
	if deadline, _ := ctx.Deadline(); time.Until(deadline) < answerTimeout-extendAfter {
		extend(w)
	}
	if writeBody(w, r, answer, buffer.Bytes, media) == nil {
		buffers.Put(buffer)
	}
}

// extendAfter is how long an answer may take until it gets another deadline to be written than the request began with: setting
// one costs as much as finding the viewer.
const extendAfter = time.Second

// extend gives an answer its time to be written, from now on.
func extend(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
}

func writeAnswer(w http.ResponseWriter, r *http.Request, answer *graphql.Response, media string) {
	extend(w)
	_ = writeBody(w, r, answer, payload(answer), media)
}

// statusOf is the status that the media type of an answer asks for (GraphQL over HTTP, draft, 6.4): with application/json every
// answer to a well-formed GraphQL request is 200.
func statusOf(answer *graphql.Response, media string) int {
	if len(answer.Data) == 0 && media == mediaGraphQL {
		return status(codeOf(answer))
	}
	return http.StatusOK
}

// writeBody writes an answer. After an error the body must not be used again.
func writeBody(w http.ResponseWriter, r *http.Request, answer *graphql.Response, body []byte, media string) error {
	code := statusOf(answer, media)
	if wait := retryAfter(answer); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 15.5.2
	}
	h := w.Header()
	h["Content-Type"] = contentTypes[media]
	h["Cache-Control"] = noStore
	if others := h["Vary"]; others == nil {
		h["Vary"] = varyAnswer
	} else {
		h["Vary"] = append(others, varyAnswer...)
	}
	return writeCompressed(w, r, code, body)
}
