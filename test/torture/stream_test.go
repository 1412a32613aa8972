package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
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

// openEvents subscribes by Server-Sent Events, in distinct connections mode.
func openEvents(ctx context.Context, client *http.Client, i *instance, user, chat, after string) (subscription, error) {
	response, err := i.stream(ctx, client, user, http.MethodPost, "/graphql", "", vars{"query": chatEvents, "variables": follows(chat, after)}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	return newEventStream(response.Body), nil
}

// eventStream reads Server-Sent Events (HTML, 9.2) as the server writes them: one data line per event, LF alone.
type eventStream struct {
	body   io.ReadCloser
	lines  *bufio.Reader
	begins string // id of the block before the first event: the cursor to resume from before any event
	begun  bool
}

func newEventStream(body io.ReadCloser) *eventStream {
	return &eventStream{body: body, lines: bufio.NewReaderSize(body, 4<<10)}
}

func (s *eventStream) close() { _ = s.body.Close() }

// block reads up to the next empty line. A block that is not an event has no type: it is an id alone, or a comment.
func (s *eventStream) block() (frame, error) {
	var f frame
	for {
		line, err := s.lines.ReadString('\n')
		if err != nil {
			return f, err
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "\n":
			return f, nil
		case name == "event":
			f.Type = value
		case name == "data":
			f.Payload = json.RawMessage(value)
		case name == "id":
			f.sseID = value
		}
	}
}

// start reads the id that precedes the first event.
func (s *eventStream) start() (string, error) {
	for s.begins == "" {
		f, err := s.block()
		if err != nil {
			return "", err
		}
		if f.Type != "" {
			return "", fmt.Errorf("%s %s before the stream's id", f.Type, f.Payload)
		}
		s.begins = f.sseID
	}
	return s.begins, nil
}

// read ends with the context of openEvents. It checks that each event has its cursor as id and that the stream begins
// with the id of the first event. A resumed stream begins with the given cursor, even when it is then refused.
func (s *eventStream) read(context.Context) (frame, error) {
	for {
		f, err := s.block()
		switch {
		case err != nil:
			return f, err
		case f.Type == "":
			if f.sseID != "" {
				if s.begun || s.begins != "" {
					f.fault = fmt.Errorf("an id alone, %s, after %s", f.sseID, s.begins)
					return f, nil
				}
				s.begins = f.sseID
			}
			continue
		case f.Type == "next" && !s.begun && f.sseID != s.begins && (f.sseID != "" || !f.refuses()):
			f.fault = fmt.Errorf("the stream begins with the id %q and an event with the id %q", s.begins, f.sseID)
		}
		s.begun, f.hasID = true, true
		return f, nil
	}
}

// refuses reports whether the frame is a refusal, which has no place in the log.
func (f frame) refuses() bool {
	_, err := f.decode()
	_, ok := errors.AsType[failure](err)
	return ok
}

// line is a client's connection whose server end is observed. The kernel buffers as little as it can for a reader that
// does not read (4 KB, not megabytes), and the port identifies the connection.
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

// smallWindow sets the window before the connection is made, because the handshake fixes its scale.
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

// gate is where a reader stops when told to.
type gate struct {
	mu      sync.Mutex
	open    chan struct{} // nil when readers may pass
	stopped time.Time     // when the reader reached the closed gate
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

// pass waits while the gate is closed.
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

// stoppedAt returns when the reader reached the gate, and false until then.
func (g *gate) stoppedAt() (time.Time, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stopped, !g.stopped.IsZero()
}
