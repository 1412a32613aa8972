package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// subscription is an open one: over a socket of its own, or as Server-Sent Events.
type subscription interface {
	// read returns the next frame of type "next", "error" or "complete".
	read(ctx context.Context) (frame, error)
	close()
}

// openEvents subscribes by Server-Sent Events, in distinct connections mode.
func openEvents(ctx context.Context, client *http.Client, i *instance, user, chat, after string) (subscription, error) {
	body, err := json.Marshal(map[string]any{"query": chatEvents, "variables": follows(chat, after)})
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, i.address()+"/graphql", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	request.Header.Set("Authorization", "Bearer "+token(user))
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	return &eventStream{body: response.Body, lines: bufio.NewReaderSize(response.Body, 4<<10)}, nil
}

// eventStream reads Server-Sent Events (HTML, 9.2) as the server writes them: one data line an event, LF alone.
type eventStream struct {
	body  io.ReadCloser
	lines *bufio.Reader
}

func (s *eventStream) close() { _ = s.body.Close() }

// read ends with the context of openEvents.
func (s *eventStream) read(context.Context) (frame, error) {
	var f frame
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return f, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n" && f.Type != "":
			return f, nil
		case name == "event":
			f.Type = value
		case name == "data":
			f.Payload = json.RawMessage(value)
		}
	}
}

// line is how a client reaches the server whose end of the connection is looked at: the kernel takes as little as it can
// for a reader who does not read (4 KB, and not megabytes), and the port says which connection it is.
type line struct {
	client *http.Client
	port   atomic.Int64 // of this side, of the newest connection
}

func newLine() *line {
	l := &line{}
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: smallWindow}
	l.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, address)
		if err == nil {
			l.port.Store(int64(portOf(conn)))
		}
		return conn, err
	}}}
	return l
}

func portOf(conn net.Conn) int { return conn.LocalAddr().(*net.TCPAddr).Port }

// smallWindow is set before the connection is made: the window's scale is settled then.
func smallWindow(_, _ string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4<<10)
	})
	if err != nil {
		return err
	}
	return failed
}

// gate is where a reader stops when it is told to.
type gate struct {
	mu      sync.Mutex
	open    chan struct{} // nil: nobody is stopped
	stopped time.Time     // when the reader came to the closed gate
}

func (g *gate) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = nil
}

// pass waits while the gate is shut.
func (g *gate) pass(ctx context.Context) {
	g.mu.Lock()
	open := g.open
	if open != nil {
		g.stopped = time.Now()
	}
	g.mu.Unlock()
	if open == nil {
		return
	}
	select {
	case <-open:
	case <-ctx.Done():
	}
}

// stoppedAt is false until the reader has come to the gate.
func (g *gate) stoppedAt() (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopped, !g.stopped.IsZero()
}
