package transport

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const tokenHeader = "X-GraphQL-Event-Stream-Token"

// reserve makes a reservation of ann's.
func (w *world) reserve(header ...string) string {
	w.t.Helper()
	response, token := w.do(w.request(http.MethodPut, "/graphql/stream", "", header...))
	if response.StatusCode != http.StatusCreated || len(token) < 20 {
		w.t.Fatalf("PUT: %d %q", response.StatusCode, token)
	}
	return token
}

func (w *world) openReserved(token string) *http.Response {
	w.t.Helper()
	return w.open(w.request(http.MethodGet, "/graphql/stream", "", "Accept", mediaEvents, tokenHeader, token))
}

// withID is the body of an operation with an id.
func withID(id, document string, variables map[string]any) string {
	return string(encode(map[string]any{"query": document, "variables": variables, "extensions": map[string]any{"operationId": id}}))
}

func (w *world) operate(token, body string, header ...string) int {
	w.t.Helper()
	response, _ := w.do(w.request(http.MethodPost, "/graphql/stream", body, append([]string{tokenHeader, token}, header...)...))
	return response.StatusCode
}

// TestSingleConnection: two operations on one stream, one stopped, one ended by itself.
func TestSingleConnection(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		token := w.reserve()
		if status := w.operate(token, withID("early", followChat, map[string]any{"chat": chat, "after": place(chat, 1)})); status != http.StatusAccepted {
			w.t.Fatalf("an operation before the stream is open: %d", status)
		}
		stream := w.openReserved(token)
		e := w.until(stream, "MessageSent")
		var next struct {
			ID      string          `json:"id"`
			Payload json.RawMessage `json:"payload"`
		}
		if err := json.Unmarshal([]byte(e.data), &next); err != nil || e.name != "next" || next.ID != "early" || !strings.Contains(string(next.Payload), `"one"`) {
			w.t.Fatalf("got %+v, %v", e, err)
		}
		if status := w.operate(token, withID("query", `{ __typename }`, nil)); status != http.StatusAccepted {
			w.t.Fatalf("a query: %d", status)
		}
		if e := w.until(stream, `"query"`); e.data != `{"id":"query","payload":{"data":{"__typename":"Query"}}}` {
			w.t.Errorf("got %+v", e)
		}
		if e := w.until(stream, `"query"`); e != (sse{name: "complete", data: `{"id":"query"}`}) {
			w.t.Errorf("got %+v", e)
		}
		if status := w.operate(token, withID("early", `{ __typename }`, nil)); status != http.StatusConflict {
			w.t.Errorf("an id twice: %d", status)
		}
		response, _ := w.do(w.request(http.MethodDelete, "/graphql/stream?operationId=early", "", tokenHeader, token))
		if response.StatusCode != http.StatusOK {
			w.t.Errorf("DELETE: %d", response.StatusCode)
		}
		synctest.Wait()
		if status := w.operate(token, withID("early", `{ nothing }`, nil)); status != http.StatusAccepted {
			w.t.Errorf("an id again: %d", status)
		}
		if e := w.until(stream, `"early"`); !strings.Contains(e.data, "GRAPHQL_VALIDATION_FAILED") {
			w.t.Errorf("an operation that is wrong: %+v", e)
		}
	})
}

// TestSingleConnectionRefusals: a stream works for its viewer alone, and other users learn nothing of it.
func TestSingleConnectionRefusals(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		token := w.reserve()
		stream := w.openReserved(token)
		synctest.Wait()
		good := withID("1", `{ __typename }`, nil)
		for _, c := range []struct {
			reason, method, path, body string
			header                     []string
			status                     int
		}{
			{"PUT without a token", http.MethodPut, "", "", []string{"Authorization", ""}, http.StatusUnauthorized},
			{"a stream that is open", http.MethodGet, "", "", []string{"Accept", mediaEvents, tokenHeader, token}, http.StatusConflict},
			{"a stream that never was", http.MethodGet, "?token=x", "", []string{"Accept", mediaEvents}, http.StatusNotFound},
			{"another's stream", http.MethodGet, "", "", []string{"Accept", mediaEvents, tokenHeader, token, "Authorization", "Bearer eve"}, http.StatusNotFound},
			{"a foreign page", http.MethodGet, "", "", []string{"Accept", mediaEvents, tokenHeader, token, "Origin", "https://evil.example"}, http.StatusNotFound},
			{"an operation of nobody's", http.MethodPost, "", good, []string{tokenHeader, token, "Authorization", ""}, http.StatusUnauthorized},
			{"an operation on another's stream", http.MethodPost, "", good, []string{tokenHeader, token, "Authorization", "Bearer eve"}, http.StatusNotFound},
			{"an operation on no stream", http.MethodPost, "", good, []string{tokenHeader, "x"}, http.StatusNotFound},
			{"an operation without an id", http.MethodPost, "", query(`{ __typename }`, nil), []string{tokenHeader, token}, http.StatusBadRequest},
			{"an id that is a number", http.MethodPost, "", `{"query":"{ a }","extensions":{"operationId":5}}`, []string{tokenHeader, token}, http.StatusBadRequest},
			{"an id that is long", http.MethodPost, "", withID(strings.Repeat("x", 201), "{ a }", nil), []string{tokenHeader, token}, http.StatusBadRequest},
			{"no JSON", http.MethodPost, "", `x`, []string{tokenHeader, token}, http.StatusBadRequest},
			{"a form", http.MethodPost, "", `x`, []string{tokenHeader, token, "Content-Type", "application/x-www-form-urlencoded"}, http.StatusUnsupportedMediaType},
			{"to stop another's", http.MethodDelete, "?operationId=1", "", []string{tokenHeader, token, "Authorization", "Bearer eve"}, http.StatusNotFound},
			{"to stop nothing in particular", http.MethodDelete, "", "", []string{tokenHeader, token}, http.StatusBadRequest},
			{"another method", http.MethodPatch, "", "", nil, http.StatusMethodNotAllowed},
		} {
			response, body := w.do(w.request(c.method, "/graphql/stream"+c.path, c.body, c.header...))
			if response.StatusCode != c.status || !strings.Contains(body, `"code"`) {
				w.t.Errorf("%s: %d %s, want %d", c.reason, response.StatusCode, body, c.status)
			}
		}
		if status := w.operate(token, good); status != http.StatusAccepted {
			w.t.Errorf("after all that: %d", status)
		}
		w.until(stream, "Query")
	})
}

func TestSingleConnectionOperations(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		token := w.reserve()
		for n := range MaxOperations {
			if status := w.operate(token, withID(fmt.Sprint(n), followChat, nil)); status != http.StatusAccepted {
				w.t.Fatalf("operation %d: %d", n, status)
			}
		}
		if status := w.operate(token, withID("more", followChat, nil)); status != http.StatusTooManyRequests {
			w.t.Errorf("one more: %d", status)
		}
	})
}

// TestReservationsEnd: what is not opened in time, what is left, what expires, and all of them at a restart.
func TestReservationsEnd(t *testing.T) {
	t.Parallel()
	gone := func(w *world, reason, token string) {
		w.t.Helper()
		synctest.Wait()
		if status := w.operate(token, withID("1", `{ __typename }`, nil)); status != http.StatusNotFound {
			w.t.Errorf("%s: %d", reason, status)
		}
		for token := range w.transport.reservations.byToken.Range {
			w.t.Errorf("%s: %v is kept", reason, token)
		}
	}
	inVirtualTime(t, nil, func(w *world) {
		token := w.reserve()
		<-time.After(reservationTimeout - time.Second)
		if status := w.operate(token, withID("1", followChat, nil)); status != http.StatusAccepted {
			w.t.Errorf("in time: %d", status)
		}
		<-time.After(2 * time.Second)
		gone(w, "not opened", token)

		token = w.reserve()
		stream := w.openReserved(token)
		synctest.Wait()
		_ = stream.Body.Close()
		<-time.After(time.Second)
		gone(w, "left", token)

		token = w.reserve("Authorization", "Bearer ann@60")
		stream = w.openReserved(token)
		if _, err := all(stream); !errors.Is(err, io.ErrUnexpectedEOF) {
			w.t.Errorf("the token's end: %v", err)
		}
		gone(w, "expired", token)
	})
	inVirtualTime(t, nil, func(w *world) {
		token := w.reserve("Authorization", "Bearer ann@60")
		stream := w.openReserved(token)
		synctest.Wait()
		w.operate(token, withID("1", followChat, nil), "Authorization", "Bearer ann@100") // a newer token keeps it open
		w.operate(token, withID("2", followChat, nil), "Authorization", "Bearer ann@70")  // was sent before it, and came after it
		began := time.Now()
		if _, err := all(stream); !errors.Is(err, io.ErrUnexpectedEOF) || time.Since(began) != 100*time.Second {
			w.t.Errorf("ended with %v after %s", err, time.Since(began))
		}
	})
	inVirtualTime(t, nil, func(w *world) {
		unopened, token := w.reserve(), w.reserve()
		w.openReserved(token)
		synctest.Wait()
		if err := w.transport.Drain(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		gone(w, "a restart", token)
		gone(w, "a restart, not opened", unopened)
	})
}

func TestReservationsAreBounded(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for range maxReservations {
			w.reserve()
		}
		if response, _ := w.do(w.request(http.MethodPut, "/graphql/stream", "")); response.StatusCode != http.StatusTooManyRequests {
			w.t.Errorf("one more: %d", response.StatusCode)
		}
		w.reserve("Authorization", "Bearer bob")
	})
}
