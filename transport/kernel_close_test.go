package transport

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

// TestReaderSeesWhyMuchLater: over a real network the kernel holds what a reader left, the close frame too, when its socket is
// long gone. Real time, since nobody can make the kernel's pass faster.
func TestReaderSeesWhyMuchLater(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("how long a kernel keeps trying to deliver is its own business")
	}
	w := newWorld(t, nil)
	defer w.close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = w.server.Serve(listener) }()
	w.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, listener.Addr().String())
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(16 << 10)
		}
		return conn, err
	}}}
	chat := w.chat()
	s := w.join("ann")
	s.subscribe("1", followChat, map[string]any{"chat": chat, "after": place(chat, 2)})
	for n := range 40 { // more than both kernels and the outbox take
		w.say(chat, strings.Repeat("x", 10_000)+fmt.Sprint(n))
	}
	w.untilNobody(2 * (writeTimeout + closeTimeout))
	code, reason, before := s.closed()
	if code != closeTryAgain || reason != reasonSlow {
		t.Errorf("after %d messages: %d %q", len(before), code, reason)
	}
}

// untilNobody waits until nothing is connected.
func (w *world) untilNobody(limit time.Duration) {
	w.t.Helper()
	connected := func() int {
		w.transport.streams.mu.Lock()
		defer w.transport.streams.mu.Unlock()
		return len(w.transport.streams.all)
	}
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(limit)
	defer tick.Stop()
	for connected() > 0 {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("somebody is still connected after %s", limit)
		}
	}
}
