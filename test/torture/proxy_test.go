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

// proxy stands between a server and Redis or PostgreSQL, and can do to their connections what networks do: swallow what
// is sent, delay it, fall silent as if a host had vanished; and keep back the COMMIT of a transaction.
type proxy struct {
	target   string
	listener net.Listener
	late     atomic.Int64 // time.Duration: how long each chunk takes, each way
	done     chan struct{}

	mu        sync.Mutex
	pairs     map[*pair]struct{}
	swallows  bool
	frozen    chan struct{} // nil while bytes pass; closed by thaw
	holding   *hold         // nil unless COMMITs are kept back
	closed    bool
	goroutine sync.WaitGroup
}

// pair is a connection through the proxy.
type pair struct {
	client, server net.Conn
	dead           atomic.Bool // swallows
}

func (p *pair) close() {
	_ = p.client.Close()
	_ = p.server.Close()
}

// chunk is what was read at once, and when it may go on.
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

// newDatabaseProxy stands in front of the PostgreSQL that the DSN names, and returns the DSN by way of it.
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

// url is that of a Redis behind the proxy.
func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() + "/0" }

// hole begins to swallow. Connections stay open and new ones are accepted, and nothing that is sent arrives. A connection
// that has swallowed once does so for good: a side that does not notice by itself that the other one is silent waits for
// a quarter of an hour.
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

// delay makes everything that is read from now on arrive so much later, each way.
func (p *proxy) delay(d time.Duration) { p.late.Store(int64(d)) }

// freeze stops everything, both ways and without a word: neither side gets a byte, nor learns that the other one has
// closed, as when the other one's host has vanished. New connections are accepted, and lead nowhere.
func (p *proxy) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen == nil {
		p.frozen = make(chan struct{})
	}
}

// thaw ends freeze: what was on its way arrives now, also that a side has closed.
func (p *proxy) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.frozen != nil {
		close(p.frozen)
		p.frozen = nil
	}
}

// hold keeps back COMMITs, and what follows them on their connections. The server learns that the client has closed only
// after the COMMIT has arrived.
type hold struct {
	count    atomic.Int64 // COMMITs that were kept back
	released chan struct{}
}

// release lets them arrive.
func (h *hold) release() { close(h.released) }

// holdCommits keeps back every COMMIT that is sent from now on, until passCommits.
func (p *proxy) holdCommits() *hold {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = &hold{released: make(chan struct{})}
	return p.holding
}

// passCommits lets those through that are sent from now on. Those that are kept back stay where they are until release.
func (p *proxy) passCommits() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = nil
}

// isCommit says whether a client of PostgreSQL sends a simple query (message Q of its protocol) that commits. A client
// waits for the answer to what was before, so the message is the beginning of what was read at once.
func isCommit(sent []byte) bool {
	return len(sent) > 0 && sent[0] == 'Q' && bytes.Contains(bytes.ToLower(sent), []byte("commit"))
}

// close ends the proxy and all its connections. May be called again.
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
	// The server has to get what was sent before, and only then learns that there is no more. It closes then, too.
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

// pass copies one direction until its end. That is told no sooner than what was sent before.
func (p *proxy) pass(one *pair, to, from net.Conn, up bool) {
	const queued = 64
	queue := make(chan chunk, queued)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(queue)
		p.read(one, from, queue)
	})
	var broken error
	for c := range queue { // to its end, also when nobody takes it
		if broken == nil && p.mayGo(c, up) {
			_, broken = to.Write(c.bytes)
		}
	}
	reading.Wait()
	p.flows()
}

// read queues what comes, until the connection ends.
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

// mayGo waits until the chunk may go on, and is false if the proxy ends before.
func (p *proxy) mayGo(c chunk, up bool) bool {
	pause(time.Until(c.due))
	if up && isCommit(c.bytes) && !p.keepBack() {
		return false
	}
	return p.flows()
}

// keepBack waits while COMMITs are kept back.
func (p *proxy) keepBack() bool {
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

// flows waits while everything is frozen.
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
