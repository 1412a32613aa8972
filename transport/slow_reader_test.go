package transport

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestAnswerThatNobodyReads: whatever was asked for, the connection of one who does not read it is closed in time.
func TestAnswerThatNobodyReads(t *testing.T) {
	t.Parallel()
	page := func(o *Options) {
		o.Playground = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) })
	}
	for _, c := range []struct{ reason, request string }{
		{"a page", "GET /playground"},
		{"a probe", "GET /livez"},
		{"a refusal", "PATCH /graphql"},
		{"an answer", "GET /graphql?query=%7B__typename%7D"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, page, func(w *world) {
				conn, err := w.listener.dial(w.t.Context(), "", "") // a pipe: nothing is buffered on the way
				if err != nil {
					w.t.Fatal(err)
				}
				defer conn.Close()
				_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ann\r\n\r\n", c.request)
				<-time.After(answerTimeout + time.Second)
				if n, err := conn.Read(make([]byte, 1)); n > 0 || err == nil {
					w.t.Error("the server is still waiting to write")
				}
			})
		})
	}
}

// TestEndThatTrickles: a stream that has ended is no reason to wait longer for its reader: one who takes a few bytes now and
// then, each in time, would hold what is left for minutes.
func TestEndThatTrickles(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		conn, err := w.listener.dial(w.t.Context(), "", "")
		if err != nil {
			w.t.Fatal(err)
		}
		defer conn.Close()
		read := func(n int) error {
			_, err := conn.Read(make([]byte, n))
			return err
		}
		body := query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
		_, _ = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: chat.example\r\nAuthorization: Bearer ann\r\nAccept: %s\r\n"+
			"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", mediaEvents, len(body), body)
		if err := read(4 << 10); err != nil {
			w.t.Fatal(err)
		}
		for n := range 50 { // fits the outbox
			w.say(chat, strings.Repeat("x", 900)+fmt.Sprint(n))
		}
		if _, err := w.repo.DeleteChat(w.t.Context(), "ann", chat); err != nil {
			w.t.Fatal(err)
		}
		for ended := time.Now(); read(400) == nil; <-time.After(2 * time.Second) {
			if took := time.Since(ended); took > 3*writeTimeout {
				w.t.Fatalf("%s after its end the stream still waits for its reader", took)
			}
		}
	})
}
