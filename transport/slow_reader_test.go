package transport

import (
	"fmt"
	"net/http"
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
