package torture

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// proxy sits between a server and Redis or PostgreSQL and simulates network faults: it can swallow or delay bytes, fall
// silent as if a host had vanished, and hold back the COMMIT of a transaction.
type proxy struct {
	target   string
	listener net.Listener
	late     atomic.Int64 // time.Duration: how long each chunk takes, each way
	done     chan struct{}

	mu        sync.Mutex
	pairs     map[*pair]struct{}
	swallows  bool
	frozen    chan struct{} // nil while bytes pass; closed by thaw
	holding   *hold         // nil unless COMMITs are held back
	closed    bool
	goroutine sync.WaitGroup
}

// pair is a connection through the proxy.
type pair struct {
	client, server net.Conn
	dead           atomic.Bool // swallows bytes
}

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}

// chunk is the result of one read, and when it may be forwarded.
type chunk struct {
	bytes []byte
	due   time.Time
}

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: listener, done: make(chan struct{}), pairs: map[*pair]struct{}{}}
	p.goroutine.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// newDatabaseProxy starts a proxy in front of the PostgreSQL of the DSN and returns the DSN through it.
func newDatabaseProxy(t testing.TB, dsn string) (p *proxy, proxied string) {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p = newProxy(t, u.Host)
	u.Host = p.listener.Addr().String()
	return p, u.String()
}

// url returns the URL of a Redis behind the proxy.
func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() + "/0" }

// hole starts to swallow bytes. Connections stay open, new ones are accepted, and nothing arrives. An affected
// connection stays dead for good, so a side that does not detect the silence waits for a quarter of an hour.
func (p *proxy) hole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallows = true
	for one := range p.pairs {
		one.dead.Store(true)
	}
}

// heal lets new connections through.
func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.swallows = false
}

// delay delays everything that is read from now on, each way.
func (p *proxy) delay(d time.Duration) { p.late.Store(int64(d)) }

// freeze stops everything in both directions without a notice: neither side gets a byte or learns that the other one
// has closed, as when a host vanishes. New connections are accepted but lead nowhere.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// thaw ends freeze. Everything in flight arrives now, including the end of a connection.
func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// hold holds back COMMITs and the bytes after them. The server learns that the client has closed only after the COMMIT
// has arrived.
type hold struct {
	count    atomic.Int64 // COMMITs held back
	released chan struct{}
}

// release lets them through.
func (h *hold) release() { close(h.released) }

// holdCommits holds back every COMMIT sent from now on, until passCommits.
func (p *proxy) holdCommits() *hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = &hold{released: make(chan struct{})}
	return p.holding
}

// passCommits lets new COMMITs through. Those already held back wait for release.
func (p *proxy) passCommits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = nil
}

// isCommit reports whether the bytes are a simple query (message Q of the PostgreSQL protocol) that commits. A client
// waits for each answer, so the message is at the start of a read.
func isCommit(sent []byte) bool {
	return len(sent) > 0 && sent[0] == 'Q' && bytes.Contains(bytes.ToLower(sent), []byte("commit"))
}

// close ends the proxy and all its connections. It may be called again.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	for one := range p.pairs {
		one.close()
	}
	p.mu.Unlock()
	p.goroutine.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.goroutine.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if !p.flows() {
		return
	}
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	one := &pair{client: client, server: server}
	defer one.close()
	if !p.enter(one) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() {
		p.pass(one, client, server, false)
		one.close()
	})
	p.pass(one, server, client, true)
	// The server must get all bytes before it learns of the end. Then it closes, too.
	_ = server.(*net.TCPConn).CloseWrite()
	back.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pairs, one)
}

func (p *proxy) enter(one *pair) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pairs[one] = struct{}{}
	one.dead.Store(p.swallows)
	return !p.closed
}

// pass copies one direction until its end, which it forwards after all bytes.
func (p *proxy) pass(one *pair, to, from net.Conn, up bool) {
	const queued = 64
	queue := make(chan chunk, queued)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(queue)
		p.read(one, from, queue)
	})
	var broken error
	for c := range queue { // drains the queue even when the other side does not read
		if broken == nil && p.mayGo(c, up) {
			_, broken = to.Write(c.bytes)
		}
	}
	reading.Wait()
	p.flows()
}

// read queues chunks until the connection ends.
func (p *proxy) read(one *pair, from net.Conn, queue chan<- chunk) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !one.dead.Load() {
			select {
			case queue <- chunk{bytes.Clone(buffer[:n]), time.Now().Add(time.Duration(p.late.Load()))}:
			case <-p.done:
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// mayGo waits until the chunk may be forwarded, and returns false if the proxy ends first.
func (p *proxy) mayGo(c chunk, up bool) bool {
	pause(time.Until(c.due))
	if up && isCommit(c.bytes) && !p.holdBack() {
		return false
	}
	return p.flows()
}

// holdBack waits while COMMITs are held back.
func (p *proxy) holdBack() bool {
	p.mu.Lock()
	h := p.holding
	p.mu.Unlock()
	if h == nil {
		return true
	}
	h.count.Add(1)
	select {
	case <-h.released:
		return true
	case <-p.done:
		return false
	}
}

// flows waits while the proxy is frozen.
func (p *proxy) flows() bool {
	for {
		p.mu.Lock()
		frozen, closed := p.frozen, p.closed
		p.mu.Unlock()
		if frozen == nil || closed {
			return !closed
		}
		select {
		case <-frozen:
		case <-p.done:
		}
	}
}
