package torture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// hostility is a way of holding a connection while nearly idle.
type hostility struct {
	name     string
	begins   []string      // sent at once, in turn; after that one byte is sent or read every half second
	reads    bool          // reads the response, byte by byte
	deadline time.Duration // by which the server must close, and before which it has no reason to
	rate     int           // connections opened per second: the check holds them and does not request 500 large pages at once
}

// notice is how far from its deadline an observed end may be.
const notice = 2 * time.Second

// hostilities returns the kinds, which target a chat of large messages.
func hostilities(user, chat string) []hostility {
	ask := fmt.Sprintf(`{"query":"{ chat(id: \"%s\") { messages(last: 100) { edges { node { id content } } } } }"}`, chat)
	head := func(path, media string, length int) string {
		return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: studychat\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", path, token(user), media, length)
	}
	return []hostility{
		{"headers", []string{"POST /graphql HTTP/1.1\r\nHost: studychat\r\nX-Slow: "}, false, 10 * time.Second, 250},
		// A handler that refuses without reading the body leaves the body to net/http, which waits for it.
		{"bodies", []string{head("/graphql", "application/json", 100_000) + `{"query":"`, head("/graphql", "text/plain", 100_000)}, false, 10 * time.Second, 250},
		{"answers", []string{head("/graphql", "application/json", len(ask)) + ask, "GET /playground/licenses.md HTTP/1.1\r\nHost: studychat\r\n\r\n"}, true, 30 * time.Second, 60},
	}
}

// siege is many connections of one kind.
type siege struct {
	ports  []int
	opened map[int]time.Time // by port
	cancel context.CancelFunc
	held   sync.WaitGroup
}

// besiege opens the connections and returns when all are open.
func besiege(r *record, i *instance, h hostility, connections int) *siege {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &siege{cancel: cancel, opened: map[int]time.Time{}}
	r.Cleanup(s.lift)
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: remoteWindow}
	for n := range connections {
		pause(time.Second / time.Duration(h.rate))
		conn, err := dialer.DialContext(ctx, "tcp", strings.TrimPrefix(i.address(), "http://"))
		r.must(err)
		s.ports = append(s.ports, portOf(conn))
		s.opened[portOf(conn)] = time.Now()
		s.held.Go(func() {
			defer conn.Close()
			torment(ctx, conn, h.begins[n%len(h.begins)], h.reads)
		})
	}
	return s
}

// ends returns the shortest and the longest duration of the connections that have ended.
func (s *siege) ends(ended map[int]time.Time) (first, last time.Duration) {
	for port, at := range ended {
		took := at.Sub(s.opened[port])
		if first == 0 || took < first {
			first = took
		}
		last = max(last, took)
	}
	return first, last
}

func (s *siege) lift() {
	s.cancel()
	s.held.Wait()
}

// remoteWindow makes the connection look remote, with the smallest window. Over loopback, whose segments are 64 KB, the
// server's kernel would buffer 2.6 MB for a reader that does not read.
func remoteWindow(network, address string, raw syscall.RawConn) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		const ethernet = 1460
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, ethernet)
	})
	return errors.Join(err, failed, smallWindow(network, address, raw))
}

// torment holds the connection until ctx ends, even when the server has closed it, so that the port is not reused.
func torment(ctx context.Context, conn net.Conn, begin string, reads bool) {
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	one := []byte("a")
	pace := time.NewTicker(500 * time.Millisecond)
	defer pace.Stop()
	_, err := conn.Write([]byte(begin))
	for err == nil {
		select {
		case <-ctx.Done():
			return
		case <-pace.C:
		}
		if reads {
			_, err = conn.Read(one)
		} else {
			_, err = conn.Write(one)
		}
	}
	<-ctx.Done()
}
