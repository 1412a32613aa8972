package transport

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"studychat/db"
	"studychat/transport/admission"
	"studychat/transport/params"
)

// wantsSocket is false for other upgrades that a client offers, such as HTTP/2, which may be ignored.
func wantsSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// connectionUpgrades says whether the header Connection, a list, has the token "upgrade".
func connectionUpgrades(r *http.Request) bool {
	tokens := strings.Split(strings.Join(r.Header.Values("Connection"), ","), ",")
	return slices.ContainsFunc(tokens, func(token string) bool { return strings.EqualFold(strings.TrimSpace(token), "upgrade") })
}

// lostUpgrade recognizes a handshake whose Upgrade header was dropped by a proxy that does not support WebSocket. A GET with a
// query is not one, although some proxies set Connection on each request.
func lostUpgrade(r *http.Request) bool {
	if r.Method != http.MethodGet || wantsSocket(r) {
		return false
	}
	values := r.URL.Query()
	if slices.ContainsFunc(append([]string{"query", "extensions"}, params.DocumentIDs...), values.Has) {
		return false
	}
	return connectionUpgrades(r) || hasAny(r.Header, "Sec-WebSocket-Key", "Sec-WebSocket-Version", "Sec-WebSocket-Protocol")
}

func (t *Transport) refuseLostUpgrade(w http.ResponseWriter, r *http.Request) {
	t.warnings.Refused(admission.UpgradeLost, r)
	w.Header().Set("Upgrade", "websocket") // RFC 9110, 15.5.22
	w.Header().Set("Connection", "Upgrade")
	t.refuse.with(w, r, http.StatusUpgradeRequired, db.CodeBadUserInput, "This looks like a WebSocket handshake whose headers Upgrade and Connection were lost on the way, probably in a proxy: set it to pass WebSockets on.")
}

// What a client may send over a socket. Frames that are not messages (empty fragments, pongs) cost CPU too: unlimited, a
// connection carries ten million of them per second.
const (
	readRate  = 256 << 10 // bytes a second
	readBurst = 1 << 20
)

// pacedUpgrade hijacks a connection and limits how fast it is read; the rest waits in the kernel, and then at the client.
type pacedUpgrade struct {
	http.ResponseWriter

	conn net.Conn // the hijacked connection
}

// Hijack implements http.Hijacker.
func (w *pacedUpgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.conn = newPacedConn(conn)
	return w.conn, buffered, nil
}

// pacedConn is read by one goroutine.
type pacedConn struct {
	net.Conn

	pace   pace
	open   context.Context // ends with the connection
	closed context.CancelFunc
}

func newPacedConn(conn net.Conn) *pacedConn {
	c := &pacedConn{Conn: conn}
	c.open, c.closed = context.WithCancel(context.Background())
	return c
}

// Read reads, and then waits if that was too much.
func (c *pacedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	ahead := c.pace.add(time.Now(), time.Duration(n)*time.Second/readRate)
	if early := ahead - readBurst*time.Second/readRate; early > 0 {
		sleep(c.open, early)
	}
	return n, err
}

// Close ends a wait too.
func (c *pacedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// pace is the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 4.4.2) for what has already happened: it counts
// always, while package rate refuses without counting. next is when the next event would come if they came evenly.
type pace struct{ next time.Time }

// add counts an event that takes so long at an even pace, and returns how far it came ahead of that.
func (p *pace) add(now time.Time, takes time.Duration) (ahead time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(takes)
	return p.next.Sub(now)
}
