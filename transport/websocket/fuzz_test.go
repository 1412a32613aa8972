package websocket

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	other "github.com/coder/websocket"
)

// pipe is a response that can be hijacked.
type pipe struct {
	*httptest.ResponseRecorder

	conn net.Conn
}

func (p pipe) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(bufio.NewReader(p.conn), bufio.NewWriter(p.conn)), nil
}

// saidToOther is said, as another implementation of the server's side understands it.
func saidToOther(t *testing.T, bytes string, limit int64) string {
	t.Helper()
	ours, theirs := net.Pipe()
	go func() {
		_, _ = theirs.Write([]byte(bytes))
		_ = theirs.Close()
	}()
	var out []string
	note := func(kind string) func(context.Context, []byte) {
		return func(_ context.Context, payload []byte) { out = append(out, kind+string(payload)) }
	}
	r := handshake("Connection", "Upgrade", "Upgrade", "websocket")
	conn, err := other.Accept(pipe{httptest.NewRecorder(), deaf{ours}}, r, &other.AcceptOptions{
		OnPingReceived: func(ctx context.Context, payload []byte) bool { note("ping:")(ctx, payload); return false },
		OnPongReceived: note("pong:"),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(limit)
	for {
		kind, message, err := conn.Read(t.Context())
		switch closed, ok := errors.AsType[other.CloseError](err); {
		case err == nil:
			out = append(out, map[other.MessageType]string{other.MessageText: "text:", other.MessageBinary: "binary:"}[kind]+string(message))
			continue
		case ok:
			return strings.Join(append(out, fmt.Sprint("closed ", int(closed.Code))), " ")
		}
		return strings.Join(append(out, "failed"), " ")
	}
}

// deaf is a connection whose writes nobody reads.
type deaf struct{ net.Conn }

func (deaf) Write(p []byte) (int, error) { return len(p), nil }

// FuzzReader: another implementation gets the same messages from the same bytes, and ends for the same reason.
func FuzzReader(f *testing.F) {
	f.Add([]byte(masked(text, "Hello") + masked(ping, "a") + masked(textBegins, "Hel") + masked(pong, "b") + masked(cont, "lo") + masked(closing, "\x03\xe8bye")))
	f.Add([]byte(masked(textBegins, "a") + masked(text, "b")))
	f.Add([]byte(masked(cont, "a")))
	f.Add([]byte("\x81\x01a"))
	f.Add([]byte(masked(text|0x40, "a")))
	f.Add([]byte(masked(closing, "\x03\xed")))
	f.Add([]byte(masked(closing, "")))
	f.Add([]byte(masked(binary1, strings.Repeat("x", 300))))
	f.Add([]byte(masked(ping, strings.Repeat("x", 126))))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		const limit = 1000
		got, want := said(strings.NewReader(string(bytes)), limit), saidToOther(t, string(bytes), limit)
		for _, end := range []string{"cut", "violation 1002", "violation 1007", "violation 1009"} {
			if before, ok := strings.CutSuffix(got, end); ok && strings.HasPrefix(want, before) && (strings.HasSuffix(want, "failed") || end != "violation 1002") {
				return // the other takes a cut in a payload for its end, counts a message while it reads it, and does not check UTF-8
			}
		}
		if got != want {
			t.Fatalf("%q: %q, the other: %q", bytes, got, want)
		}
	})
}
