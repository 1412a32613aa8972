package services

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// echoServer sends back each line.
func echoServer(t *testing.T) (addr string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return listener.Addr().String()
}

// line sends a line and returns what it receives within the time.
func line(t *testing.T, conn net.Conn, text string, within time.Duration) (string, error) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, text+"\n"); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	return strings.TrimSpace(answer), err
}

func TestProxy(t *testing.T) {
	t.Parallel()
	p := NewProxy(t, echoServer(t))
	dial := func() net.Conn {
		t.Helper()
		conn, err := net.DialTimeout("tcp", p.Addr(), 5*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}
	echoes := func(reason string, conn net.Conn, text string) {
		t.Helper()
		if got, err := line(t, conn, text, 5*time.Second); got != text || err != nil {
			t.Errorf("%s: %q, %v", reason, got, err)
		}
	}
	old := dial()
	echoes("at first", old, "one")
	p.Blackhole()
	for reason, conn := range map[string]net.Conn{"an old connection": old, "a new one": dial()} {
		if got, err := line(t, conn, "lost", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s in a black hole: %q, %v, want silence", reason, got, err)
		}
	}
	p.Heal()
	echoes("an old connection after Heal", old, "two")
	echoes("a new connection after Heal", dial(), "three")
	p.Cut()
	if got, err := line(t, old, "four", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after Cut: %q, %v, want a closed connection", got, err)
	}
	echoes("a new connection after Cut", dial(), "five")
}

func TestProxyHidesThatTheServerIsGone(t *testing.T) {
	t.Parallel()
	server := NewRedisServer(t)
	p := NewProxy(t, server.Addr())
	conn, err := net.DialTimeout("tcp", p.Addr(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if got, err := line(t, conn, "PING", 5*time.Second); got != "+PONG" {
		t.Fatal(got, err)
	}
	p.Blackhole()
	server.Kill()
	if _, err := line(t, conn, "PING", 50*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want silence", err)
	}
	p.Heal()
	if _, err := line(t, conn, "PING", 5*time.Second); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%v, want a closed connection", err)
	}
}
