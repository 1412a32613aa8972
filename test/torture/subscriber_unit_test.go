package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// script is what a server sends on one connection, and how it ends the connection.
type script struct {
	frames []frame
	close  websocket.StatusCode // of a socket; 0: it breaks. An event stream ends or breaks.
}

var (
	busy = frame{Type: "next", Payload: json.RawMessage(`{"errors":[{"message":"busy","extensions":{"code":"UNAVAILABLE"}}]}`)}
	// The last event of a chat and the end of its stream.
	deleted = script{frames: []frame{
		{Type: "next", Payload: json.RawMessage(`{"data":{"chatEvents":{"__typename":"StreamStarted","cursor":"2.1.1.x"}}}`)},
		{Type: "next", Payload: json.RawMessage(`{"data":{"chatEvents":{"__typename":"ChatDeleted","cursor":"2.1.2.x","chatId":"a","seq":2}}}`)},
		{Type: "complete"},
	}}
)

// TestStockClients checks which ends of a stream are final for clients from npm, and after which they reconnect.
func TestStockClients(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		reason  string
		over    carrier
		first   script // of the first connection; the second one sends the end of the chat
		endedBy string
	}{
		{"an error ends an operation", overSocket, script{frames: []frame{{Type: "error", Payload: json.RawMessage(`[{"message":"busy","extensions":{"code":"UNAVAILABLE"}}]`)}}}, "error"},
		{"a complete ends an operation", overSocket, script{frames: []frame{busy, {Type: "complete"}}}, "complete"},
		{"a restart does not", overSocket, script{close: 1012}, ""},
		{"a restart after an error result does not", overSocket, script{frames: []frame{busy}, close: 1013}, ""},
		{"a broken socket does not", overSocket, script{}, ""},
		{"the close code of a mistake ends it", overSocket, script{close: 4400}, "close code 4400"},
		{"a complete ends an event stream", overEvents, script{frames: []frame{busy, {Type: "complete"}}}, "complete"},
		{"a broken event stream does not", overEvents, script{frames: []frame{busy}}, ""},
	} {
		t.Run(tc.over.String()+"/"+tc.reason, func(t *testing.T) {
			t.Parallel()
			s, connections := scripted(t, tc.over, tc.first)
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			s.run(ctx)
			over, complete := s.ended()
			if s.endedBy != tc.endedBy || over == (tc.endedBy != "") || connections.Load() > 2 || ctx.Err() != nil {
				t.Errorf("ended by %q, want %q; got the last event: %t, complete: %t, connections: %d, problems: %v", s.endedBy, tc.endedBy, over, complete, connections.Load(), s.problems)
			}
		})
	}
}

// scripted returns a stock client of a server that follows the script.
func scripted(t *testing.T, over carrier, first script) (*subscriber, *atomic.Int64) {
	t.Helper()
	connections := &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		play := deleted
		if connections.Add(1) == 1 {
			play = first
		}
		if over == overSocket {
			play.socket(w, r)
		} else {
			play.events(w)
		}
	}))
	t.Cleanup(server.Close)
	i := &instance{t: t}
	i.url.Store(server.URL)
	w := &world{t: t, client: server.Client(), instances: []*instance{i}}
	s := w.newSubscriber("ann", "a", "", 1, 0)
	s.over, s.stock = over, true
	return s, connections
}

func (p script) socket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, cancel := context.WithTimeout(r.Context(), soon)
	defer cancel()
	var f frame
	if wsjson.Read(ctx, conn, &f) != nil || wsjson.Write(ctx, conn, frame{Type: "connection_ack"}) != nil || wsjson.Read(ctx, conn, &f) != nil {
		return
	}
	for _, f := range p.frames {
		if wsjson.Write(ctx, conn, f) != nil {
			return
		}
	}
	if p.close != 0 {
		_ = conn.Close(p.close, "")
	}
}

func (p script) events(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	over := false
	for n, f := range p.frames {
		var e struct {
			Data struct {
				ChatEvents struct{ Cursor string }
			}
		}
		_ = json.Unmarshal(f.Payload, &e)
		id := e.Data.ChatEvents.Cursor
		if n == 0 {
			fmt.Fprintf(w, "id: %s\n\n", id)
		}
		fmt.Fprintf(w, "id: %s\nevent: %s\ndata: %s\n\n", id, f.Type, f.Payload)
		over = f.Type == "complete"
	}
	if !over {
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler) // breaks the connection
	}
}

func TestBystanders(t *testing.T) {
	t.Parallel()
	began := time.Now()
	span := func(n int) window {
		return window{began.Add(time.Duration(n) * time.Minute), began.Add(time.Duration(n)*time.Minute + 30*time.Second)}
	}
	calls := func(w window, count int, took time.Duration, err error) (all []call) {
		for n := range count {
			all = append(all, call{sends, w.from.Add(time.Duration(n) * time.Millisecond), took, err})
		}
		return all
	}
	const quick, slow = 30 * time.Millisecond, 70 * time.Millisecond
	quiet := append(calls(span(0), 100, quick, nil), calls(span(2), 100, quick, nil)...)
	for _, tc := range []struct {
		reason string
		calls  []call
		ok     bool
	}{
		{"as quick as before", append(calls(span(1), 100, quick, nil), quiet...), true},
		{"more than twice as slow", append(calls(span(1), 100, slow, nil), quiet...), false},
		{"two of a hundred are more than twice as slow", append(append(calls(span(1), 98, quick, nil), calls(span(1), 2, slow, nil)...), quiet...), false},
		{"twice as slow as before, and as afterwards", append(append(calls(span(1), 100, slow, nil), calls(span(0), 100, quick, nil)...), calls(span(2), 100, slow, nil)...), true},
		{"one failed", append(append(calls(span(1), 99, quick, nil), calls(span(1), 1, quick, context.Canceled)...), quiet...), false},
		{"too few calls succeeded", append(calls(span(1), 5, quick, nil), quiet...), false},
		{"no calls before", calls(span(1), 100, quick, nil), false},
		{"only calls of another kind", append([]call{{queries, span(1).from, quick, nil}}, quiet...), false},
	} {
		if v := judgeBeside(tc.calls, sends, span(0), span(1), span(2)); v.ok() != tc.ok {
			t.Errorf("%s: ok is %t: %+v", tc.reason, v.ok(), v)
		}
	}
}

func TestOutside(t *testing.T) {
	t.Parallel()
	from := time.Now()
	to := from.Add(time.Second)
	for _, tc := range []struct {
		at   time.Time
		want time.Duration
	}{
		{from, 0}, {from.Add(time.Second / 2), 0}, {to.Add(40 * time.Second), 40 * time.Second}, {from.Add(-40 * time.Second), 40 * time.Second},
	} {
		if got := outside(tc.at, from, to); got != tc.want {
			t.Errorf("%s after the beginning: %s, want %s", tc.at.Sub(from), got, tc.want)
		}
	}
}
