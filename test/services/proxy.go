package services

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy on loopback that can silently drop all bytes, as a broken network does: no connection is refused or
// closed. Its methods may be called by any goroutine; it ends with the test, and with it its
// goroutines.
type Proxy struct {
	target   string
	listener net.Listener
	tasks    sync.WaitGroup

	mu     sync.Mutex
	open   map[net.Conn]struct{} // nil once closed
	healed chan struct{}         // closed while all is well
}

// NewProxy starts a proxy to target, host:port.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{target: target, listener: listener, open: map[net.Conn]struct{}{}, healed: make(chan struct{})}
	close(p.healed)
	p.tasks.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Addr returns host:port of the proxy.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Blackhole swallows all bytes from now on, both ways. Connections stay open, and new ones are accepted. What was
// swallowed is lost for good.
func (p *Proxy) Blackhole() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isHealed() {
		p.healed = make(chan struct{})
	}
}

// Heal ends Blackhole.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.isHealed() {
		close(p.healed)
	}
}

// Cut closes all connections that are open.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	for conn := range p.open {
		_ = conn.Close()
	}
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.Heal()
	p.mu.Lock()
	p.cut()
	p.open = nil
	p.mu.Unlock()
	p.tasks.Wait()
}

func (p *Proxy) isHealed() bool {
	select {
	case <-p.healed:
		return true
	default:
		return false
	}
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		p.tasks.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.forget(client)
	if !p.remember(client) {
		return
	}
	server, err := net.DialTimeout("tcp", p.target, time.Second)
	if err != nil {
		<-p.whenHealed() // while the link is broken, neither side learns that the other has closed
		return
	}
	defer p.forget(server)
	if !p.remember(server) {
		return
	}
	var answers sync.WaitGroup
	answers.Go(func() { p.pass(server, client) })
	p.pass(client, server)
	answers.Wait()
}

// pass copies until one side closes, then closes both. While the link is broken it waits, as a close would not arrive.
func (p *Proxy) pass(from, to net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		swallow := !p.isHealed()
		p.mu.Unlock()
		if err == nil && !swallow {
			_, err = to.Write(buffer[:n])
		}
		if err != nil {
			<-p.whenHealed()
			_ = from.Close()
			_ = to.Close()
			return
		}
	}
}

func (p *Proxy) whenHealed() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.healed
}

// remember reports whether the proxy is still open.
func (p *Proxy) remember(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open != nil {
		p.open[conn] = struct{}{}
	}
	return p.open != nil
}

func (p *Proxy) forget(conn net.Conn) {
	_ = conn.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
}
