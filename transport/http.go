package transport

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
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
		refuseMethod(w, "GET, HEAD, POST, OPTIONS")
	}
}

func (t *Transport) servePost(w http.ResponseWriter, r *http.Request) {
	media := negotiate(r.Header.Values("Accept"))
	if refuseStranger(w, r, media) {
		return
	}
	in, err := t.readParams(w, r)
	if err != nil {
		refuseFor(w, err)
		return
	}
	defer in.release()
	switch media {
	case "":
		refuseMedia(w)
	case mediaEvents:
		t.serveEvents(w, r, in)
	default:
		t.serveAnswer(w, r, in, media)
	}
}

// serveGet answers queries only, and only requests that no foreign page can make a browser send by itself (as a form, an
// image, a link): those need a header that makes browsers ask first.
func (t *Transport) serveGet(w http.ResponseWriter, r *http.Request) {
	media := negotiate(r.Header.Values("Accept"))
	switch {
	case media == mediaEvents && r.Method == http.MethodHead: // it would stream into the void
		refuseMethod(w, "GET, POST, OPTIONS")
		return
	case media == mediaEvents:
		t.serveEventSource(w, r)
		return
	case media == "":
		refuseMedia(w)
		return
	case !asksFirst(r):
		refuse(w, http.StatusBadRequest, db.CodeBadUserInput, "A GET needs a header that browsers ask for first, such as GraphQL-Preflight: 1.")
		return
	case refuseStranger(w, r, media):
		return
	}
	params, err := decodeQuery(r.URL.RawQuery)
	if err != nil {
		refuseFor(w, err)
		return
	}
	t.serveAnswer(w, r, small(params), media)
}

// preflightHeaders each make a browser ask (CORS preflight, Fetch standard 3.3.8) before it sends a request to another
// origin. GraphQL-Preflight is Hot Chocolate's name, the next two are Apollo's, the fourth is everybody's.
var preflightHeaders = []string{"GraphQL-Preflight", "Apollo-Require-Preflight", "X-Apollo-Operation-Name", "X-Requested-With", "Authorization"}

func asksFirst(r *http.Request) bool {
	for _, name := range preflightHeaders {
		if r.Header.Get(name) != "" {
			return true
		}
	}
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return media == mediaJSON || r.Header.Get("Sec-Fetch-Site") == "same-origin" // browsers alone set Sec-Fetch-Site
}

// serveAnswer serves what is answered once.
func (t *Transport) serveAnswer(w http.ResponseWriter, r *http.Request, in *incoming, media string) {
	ctx, cancel := context.WithTimeout(r.Context(), answerTimeout)
	defer cancel()
	op, refusal := t.prepare(ctx, in)
	switch {
	case refusal != nil:
		writeAnswer(w, r, refusal, media)
		return
	case r.Method != http.MethodPost && op.kind() != ast.Query:
		w.Header().Set("Allow", "POST, OPTIONS")
		refuse(w, http.StatusMethodNotAllowed, db.CodeBadUserInput, "A GET may only query. Use POST.")
		return
	}
	answer := op.next()
	in.release()       // an answer may wait long for its reader
	if answer == nil { // the client is gone
		answer = tookTooLong()
	}
	body := payload(answer)
	release, ok := t.hold(ctx, body)
	if !ok {
		writeAnswer(w, r, tooMuchWaits(), media)
		return
	}
	defer release()
	writeBody(w, r, answer, body, media)
}

func writeAnswer(w http.ResponseWriter, r *http.Request, answer *graphql.Response, media string) {
	writeBody(w, r, answer, payload(answer), media)
}

// writeBody writes an answer with the status that its media type asks for (GraphQL over HTTP, draft, 6.4): with
// application/json everything that was understood as GraphQL is 200.
func writeBody(w http.ResponseWriter, r *http.Request, answer *graphql.Response, body []byte, media string) {
	code := http.StatusOK
	if len(answer.Data) == 0 && media == mediaGraphQL {
		code = status(codeOf(answer))
	}
	if wait := retryAfter(answer); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	if code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer") // RFC 9110, 15.5.2
	}
	w.Header().Set("Content-Type", media+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Add("Vary", "Accept")
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
	writeCompressed(w, r, code, body)
}

// readParams reads the whole body within its bounds.
func (t *Transport) readParams(w http.ResponseWriter, r *http.Request) (*incoming, error) {
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := parameters["charset"]; err != nil || media != mediaJSON || charset != "" && !strings.EqualFold(charset, "utf-8") {
		return nil, &badRequest{http.StatusUnsupportedMediaType, "The body must be application/json, in UTF-8."}
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, &badRequest{http.StatusUnsupportedMediaType, "The body must not be compressed."}
	}
	body, release, err := t.readBody(w, r)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, errTooLarge
	}
	switch {
	case errors.Is(err, errBusy):
		return nil, err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errLateBody
	case err != nil:
		return nil, &badRequest{http.StatusBadRequest, "The body did not arrive."}
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // a stream may follow
	params, err := decodeParams(showBrokenUTF8(body))
	if err != nil {
		release()
		return nil, err
	}
	return &incoming{params, len(body) > smallBody, release}, nil
}
