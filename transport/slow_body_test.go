package transport

import (
	"bufio"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestBodyThatNeverComes: net/http reads the rest of a body before it answers, and would wait for ever. Whoever refuses a
// request without a look at its body must not wait with it.
func TestBodyThatNeverComes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, request, headers string }{
		{"a body that is wanted", "POST /graphql", "Authorization: Bearer ann\r\nContent-Type: application/json\r\n"},
		{"an unauthenticated client", "POST /graphql", "Content-Type: application/json\r\n"},
		{"a media type that is not taken", "POST /graphql", "Authorization: Bearer ann\r\nContent-Type: text/plain\r\n"},
		{"a method that is not taken", "PATCH /graphql", ""},
		{"a body where there is none", "GET /graphql?query=%7B__typename%7D", "Authorization: Bearer ann\r\n"},
		{"a page that is not there", "POST /nothing", ""},
		{"a probe", "GET /livez", ""},
		{"a reservation", "PUT /graphql/stream", ""},
		{"another page's origin", "POST /graphql", "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			inVirtualTime(t, nil, func(w *world) {
				conn, err := w.listener.dial(w.t.Context(), "", "")
				if err != nil {
					w.t.Fatal(err)
				}
				defer conn.Close()
				start := time.Now()
				_ = conn.SetDeadline(start.Add(time.Minute))
				_, _ = fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: chat.example\r\n%sContent-Length: 100\r\n\r\n{", c.request, c.headers)
				reader := bufio.NewReader(conn)
				response, err := http.ReadResponse(reader, nil)
				if err == nil {
					if wanted := c.reason == "a body that is wanted"; wanted && response.StatusCode != http.StatusRequestTimeout {
						w.t.Errorf("status %d", response.StatusCode)
					}
					defer response.Body.Close()
					_, _ = reader.WriteTo(discard{}) // up to the end of the connection
				}
				if took := time.Since(start); took > bodyTimeout+2*time.Second {
					w.t.Errorf("the connection lasted %s (%v)", took, err)
				}
			})
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
