package torture

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between a server and Redis. While it swallows, connections stay open and new ones are accepted, and
// nothing that is sent arrives. A connection that has swallowed once does so for good: whoever does not notice by
// himself that the other side is silent waits for a quarter of an hour.
type proxy struct {
	target   string
	listener net.Listener

	mu        sync.Mutex
	pairs     map[*pair]struct{}
	swallows  bool
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

func newProxy(t testing.TB, target string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: target, listener: listener, pairs: map[*pair]struct{}{}}
	p.goroutine.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func (p *proxy) url() string { return "redis://" + p.listener.Addr().String() + "/0" }

// hole begins to swallow.
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

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
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
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	one := &pair{client: client, server: server}
	defer one.close()
	if !p.enter(one) {
		return
	}
	var back sync.WaitGroup
	back.Go(func() { one.pass(client, server) })
	one.pass(server, client)
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

// pass copies one direction. The end of one direction ends the other.
func (p *pair) pass(to, from net.Conn) {
	defer p.close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 && !p.dead.Load() {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
