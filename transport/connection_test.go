package transport

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"studychat/transport/wire"
)

// TestEmptyFragments: frames that are no messages are paced too. A client that sends nothing else is dropped for its
// silence, having cost what the pace allows.
func TestEmptyFragments(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		conn, err := w.listener.dial(w.t.Context(), "", "")
		if err != nil {
			w.t.Fatal(err)
		}
		_, _ = fmt.Fprintf(conn, "GET /graphql HTTP/1.1\r\nHost: chat.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: %s\r\n\r\n", subprotocol)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
			w.t.Fatalf("%v, %v", response, err)
		}
		go func() { _, _ = io.Copy(io.Discard, conn) }()
		_, _ = conn.Write([]byte{0x01, 0x80, 0, 0, 0, 0}) // a text begins, masked and empty
		fragments := bytes.Repeat([]byte{0x00, 0x80, 0, 0, 0, 0}, 1000)
		began, sent := time.Now(), 0
		for {
			n, err := conn.Write(fragments)
			sent += n
			if err != nil {
				break
			}
		}
		if took := time.Since(began); took > 15*time.Second || sent > wire.ReadBurst+int(took.Seconds()+1)*wire.ReadRate+64<<10 {
			w.t.Errorf("%d bytes in %s", sent, took)
		}
	})
}

// TestLargeAnswersWaitOnlySoMuch: a client that leaves large answers unread is refused further ones, over HTTP and sockets, until the
// others are read or given up.
func TestLargeAnswersWaitOnlySoMuch(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.PerUser = 100 }, func(w *world) {
		chat := w.chat()
		for range 50 {
			w.say(chat, strings.Repeat("é", 16_000))
		}
		page := `query ($id: ID!) { chat(id: $id) { messages(last: 50) { edges { node { content } } } } }` // 1.6 MB
		body := query(page, map[string]any{"id": chat})
		for range 10 {
			response, err := w.client.Do(w.request(http.MethodPost, "/graphql", body, "Accept-Encoding", "identity"))
			if err != nil {
				w.t.Fatal(err)
			}
			defer response.Body.Close() // and never read
		}
		response, answer := w.do(w.request(http.MethodPost, "/graphql", body, "Accept", mediaGraphQL))
		if response.StatusCode != http.StatusTooManyRequests || !strings.Contains(answer, "retryAfterMs") {
			w.t.Errorf("an eleventh: %d %.100s", response.StatusCode, answer)
		}
		s := w.join("ann")
		s.subscribe("1", page, map[string]any{"id": chat})
		if m := s.read(); !strings.Contains(fmt.Sprint(m), "RATE_LIMITED") {
			w.t.Errorf("over a socket: %.100v", m)
		}
		s.subscribe("2", `{ __typename }`, nil)
		s.until(`map[id:2 payload:map[data:map[__typename:Query]] type:next]`)
		_ = s.conn.CloseNow()
		<-time.After(answerTimeout + time.Second)
		if response, answer := w.do(w.request(http.MethodPost, "/graphql", body)); response.StatusCode != http.StatusOK || len(answer) < 1<<20 {
			w.t.Errorf("when the others were given up: %d %.100s", response.StatusCode, answer)
		}
	})
}

// TestOldHTTPSeesTheBreak: in HTTP/1.0 a response ends by closing, so a stream that is cut must be reset.
func TestOldHTTPSeesTheBreak(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = w.server.Serve(listener) }()
	defer w.close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := query(`subscription { chatEvents { cursor } }`, nil)
	_, _ = fmt.Fprintf(conn, "POST /graphql HTTP/1.0\r\nHost: chat.example\r\nAuthorization: Bearer ann\r\nAccept: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", mediaEvents, len(body), body)
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("%q, %v", line, err)
	}
	if err := w.transport.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(reader); err == nil {
		t.Errorf("the stream ended in order: %q", rest)
	}
}

func TestTooManyIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.PerUser = 1 }, func(w *world) {
		w.open(w.request(http.MethodPost, "/graphql", query(`subscription { chatEvents { cursor } }`, nil), "Accept", mediaEvents))
		for _, r := range []*http.Request{
			w.request(http.MethodPost, "/graphql", query(followChat, nil), "Accept", mediaEvents),
			w.request(http.MethodPut, "/graphql/stream", ""),
		} {
			response, answer := w.do(r)
			if response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "5" || !strings.Contains(answer, `"retryAfterMs":5000`) {
				w.t.Errorf("%s %s: %d %s", r.Method, r.URL.Path, response.StatusCode, answer)
			}
		}
	})
}

func TestTwoTokensAreNone(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.Verifier = strictNames{} }, func(w *world) {
		r := w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil))
		if _, answer := w.do(r); !strings.Contains(answer, "Query") {
			w.t.Errorf("one: %s", answer)
		}
		r = w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil))
		r.Header.Add("Authorization", "Bearer bob")
		if _, answer := w.do(r); !strings.Contains(answer, "UNAUTHENTICATED") {
			w.t.Errorf("two: %s", answer)
		}
	})
}

func TestWhatNetHTTPSays(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := serverLog{slog.New(slog.NewTextHandler(&out, nil))}
	_, _ = log.Write([]byte("http: TLS handshake error from 192.0.2.1:1: EOF\n"))
	if out.Len() != 0 {
		t.Errorf("noise is logged: %s", &out)
	}
	_, _ = log.Write([]byte("http: panic serving 192.0.2.1:1: boom\n"))
	if !strings.Contains(out.String(), "level=ERROR") || !strings.Contains(out.String(), "boom") {
		t.Errorf("a panic is logged as %s", &out)
	}
}
