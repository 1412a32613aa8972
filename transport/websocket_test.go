package transport

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	gqltransport "github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/coder/websocket"
)

func TestTranslate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code    int
		message string
		want    websocket.StatusCode
	}{
		{4403, "Forbidden", 4403},
		{1002, "connection initialisation timeout", 4408},
		{1002, "decoding error", 4400},
		{1002, "unexpected message", 4400},
		{1000, "terminated", 1000},
	} {
		if got := translate(c.code, c.message); got != c.want {
			t.Errorf("%d %s: %d, want %d", c.code, c.message, got, c.want)
		}
	}
}

// pair is both ends of a socket: ours as gqlgen gets it, and the client's.
func pair(t *testing.T) (*socket, *websocket.Conn) {
	t.Helper()
	accepted := make(chan *socket, 1)
	done := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &seat{}
		r = r.WithContext(context.WithValue(r.Context(), seatKey{}, s))
		conn, err := acceptor{}.Accept(w, r, gqltransport.WebsocketAcceptOptions{})
		if ours, ok := conn.(*socket); ok && err == nil {
			accepted <- ours
		}
		<-done
		s.wait()
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(done) })
	client, _, err := websocket.Dial(t.Context(), strings.Replace(server.URL, "http", "ws", 1), &websocket.DialOptions{Subprotocols: []string{subprotocol}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.CloseNow() })
	return <-accepted, client
}

// closed reads until the server closes, counting messages.
func closed(t *testing.T, client *websocket.Conn) (code websocket.StatusCode, messages int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := client.Read(ctx); err != nil {
			return websocket.CloseStatus(err), messages
		}
		messages++
	}
}

func TestSocketSaysNothingAfterItsEnd(t *testing.T) {
	t.Parallel()
	s, client := pair(t)
	if err := s.WriteJSON(map[string]string{"type": "next"}); err != nil {
		t.Fatal(err)
	}
	s.end(closeRestart, "restart")
	if err := s.WriteJSON(map[string]string{"type": "complete"}); err == nil {
		t.Error("complete was sent after the end")
	}
	_ = s.WriteClose(1000, "terminated") // gqlgen's own wish comes too late
	if code, messages := closed(t, client); code != closeRestart || messages != 1 {
		t.Errorf("closed with %d after %d messages", code, messages)
	}
}

func TestSocketClosesWhenNoPongComes(t *testing.T) {
	t.Parallel()
	s, client := pair(t)
	_ = s.SetReadDeadline(time.Now().Add(time.Hour))
	_ = s.SetReadDeadline(time.Time{}) // a pong came
	_ = s.SetReadDeadline(time.Now())  // and then none
	if code, _ := closed(t, client); code != -1 {
		t.Errorf("closed with %d, want a cut connection", code)
	}
	if _, ended := s.allows(nil); !ended {
		t.Error("the socket goes on")
	}
}

func TestSeatCutBeforeTheSocketIsThere(t *testing.T) {
	t.Parallel()
	s, client := pair(t)
	early := &seat{}
	early.cut(closeRestart, "restart")
	early.take(s)
	if code, _ := closed(t, client); code != closeRestart {
		t.Errorf("closed with %d", code)
	}
}

func TestSocketRefusesAForeignOrigin(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "http://chat.example/graphql", http.NoBody)
	r.Header.Set("Origin", "https://evil.example")
	conn, err := acceptor{}.Accept(w, r, gqltransport.WebsocketAcceptOptions{})
	if _, refused := conn.(closedSocket); err != nil || !refused || w.Code != http.StatusForbidden {
		t.Errorf("%T, %v, %d", conn, err, w.Code)
	}
	if _, _, err := conn.NextReader(); err == nil {
		t.Error("a refused socket reads")
	}
}
