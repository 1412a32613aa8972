package proxies

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"studychat/test/services"
)

var wanted = flag.Bool("proxies", false, "run clients behind proxies, which are restarted and idle for more than a minute")

const (
	idle      = "25s"            // a proxy's time-out: more than the 20 s between two pings
	idleFor   = 40 * time.Second // more than one time-out
	sendEvery = 20 * time.Millisecond
)

// TestConfigurationsAreValid: each proxy accepts the file of deploy/, with what the other tests change in it.
func TestConfigurationsAreValid(t *testing.T) {
	t.Parallel()
	check := map[string][]string{"nginx": {"-t"}, "HAProxy": {"-c"}, "Caddy": {"validate"}}
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			binary, config, _ := p.configure(t, idle, "127.0.0.1:1", "127.0.0.1:2")
			dir := t.TempDir()
			write(t, filepath.Join(dir, p.file), config(dir, "3"))
			args := p.command(binary, dir)[1:]
			if p.name == "Caddy" {
				args = args[1:] // "run"
			}
			if out, err := exec.Command(binary, append(check[p.name], args...)...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// client makes connections of its own through a proxy, from an address of this machine.
func client(t *testing.T, from string, trusted *x509.CertPool, http2 bool) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	transport := &http.Transport{DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: trusted}, ForceAttemptHTTP2: http2}
	if !http2 {
		transport.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// writer sends numbered messages, each until it is acknowledged.
type writer struct {
	t          *testing.T
	client     *http.Client
	url, token string
	chat       string
	sent       []string
}

func (w *writer) send(n int) {
	w.t.Helper()
	const document = `mutation ($id: ID, $chat: ID!, $content: String!) { sendMessage(input: {id: $id, chatId: $chat, content: $content}) { message { id } } }`
	for range n {
		content := fmt.Sprint("message ", len(w.sent))
		variables := map[string]string{"id": uuid.NewString(), "chat": w.chat, "content": content}
		for deadline := time.Now().Add(waitLong); ; {
			_, err := ask(w.t.Context(), w.client, w.url, w.token, document, variables)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				w.t.Fatalf("a message was not acknowledged: %v", err)
			}
			pause(50 * time.Millisecond)
		}
		w.sent = append(w.sent, content)
		pause(sendEvery)
	}
}

func pause(d time.Duration) { <-time.After(d) }

// during sends messages while something happens, and some more when it has happened.
func (w *writer) during(happens func()) {
	w.t.Helper()
	over := make(chan struct{})
	go func() {
		defer close(over)
		happens()
	}()
	for w.send(20); ; w.send(1) {
		select {
		case <-over:
			w.send(20)
			return
		default:
		}
	}
}

// world is a proxy before two instances, with a writer and a follower of each kind.
type world struct {
	a, b      *server
	front     *services.Frontend
	writer    *writer
	followers []*follower
}

func newWorld(t *testing.T, p proxy, timeout string) *world {
	t.Helper()
	settings := []string{"DATABASE_URL=" + services.Postgres(t), "REDIS_URL=" + services.Redis(t)}
	w := &world{a: newServer(t, services.Port(t), settings...), b: newServer(t, services.Port(t), settings...)}
	var trusted *x509.CertPool
	w.front, trusted = p.start(t, timeout, w.a.addr, w.b.addr)
	url, ann := "https://"+w.front.Addr(), token(t, "ann")
	w.writer = &writer{t: t, client: client(t, "127.0.0.1", trusted, false), url: url, token: ann}
	chat, err := ask(t.Context(), w.writer.client, url, ann, `mutation { createChat(input: {title: "A chat"}) { chat { id eventCursor } } }`, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := chat.Data["createChat"].(map[string]any)["chat"].(map[string]any)
	w.writer.chat = made["id"].(string)
	cursor := made["eventCursor"].(string)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	for _, kind := range []struct {
		name  string
		major int
		link  link
	}{
		{"a WebSocket", 1, bySocket},
		{"POST over HTTP/1.1", 1, byPost},
		{"POST over HTTP/2", 2, byPost},
		{"EventSource over HTTP/1.1", 1, byEventSource(cursor)},
		{"EventSource over HTTP/2", 2, byEventSource(cursor)},
	} {
		f := &follower{
			name: kind.name, url: url, client: client(t, "127.0.0.1", trusted, kind.major == 2), token: ann, chat: w.writer.chat,
			link: kind.link, major: kind.major, cursor: cursor, more: make(chan struct{}, 1),
		}
		w.followers = append(w.followers, f)
		running.Go(func() { f.run(ctx) })
	}
	return w
}

// settle waits until all have seen what was sent: each message once, and in order. It returns how many connections each has needed so far.
func (w *world) settle(t *testing.T, when string) (links []int) {
	t.Helper()
	for _, f := range w.followers {
		f.waitFor(t, len(w.writer.sent))
		f.mu.Lock()
		if !slices.Equal(f.seen, w.writer.sent) || len(f.faults) > 0 {
			t.Errorf("%s: %s has seen %d messages of %d, not each once in order, or %v", when, f.name, len(f.seen), len(w.writer.sent), f.faults)
		}
		links = append(links, f.links)
		f.mu.Unlock()
	}
	t.Logf("%s: %d messages; connections so far: %v", when, len(w.writer.sent), links)
	return links
}

// TestBehindProxies: nothing is lost or doubled on any way through a proxy, when it is idle, when it is reloaded or killed, and when
// the instances behind it are replaced.
func TestBehindProxies(t *testing.T) {
	t.Parallel()
	if !*wanted {
		t.Skip("minutes: make test-proxies")
	}
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p, idle)
			w.writer.send(5)
			first := w.settle(t, "at the start")
			pause(idleFor)
			w.writer.send(5)
			if now := w.settle(t, "after idling"); !slices.Equal(now, first) {
				t.Errorf("the proxy has ended idle connections: %v, then %v", first, now)
			}
			for _, instance := range []*server{w.a, w.b} {
				w.writer.during(func() { instance.stop(); instance.start() })
				w.settle(t, "an instance was replaced")
			}
			before := w.settle(t, "before the proxy")
			if p.reload != 0 {
				w.writer.during(func() { w.front.Signal(p.reload); pause(4 * time.Second) })
				w.settle(t, "the proxy was reloaded")
			}
			w.writer.during(func() { w.front.Kill(); pause(time.Second); w.front.Start() })
			after := w.settle(t, "the proxy was killed")
			for i, links := range after {
				if links <= before[i] {
					t.Errorf("control: %s kept its connection through the end of the proxy", w.followers[i].name)
				}
			}
		})
	}
}

// TestShortTimeoutsCut is the control for idling: a time-out shorter than the time between two pings ends the connections.
func TestShortTimeoutsCut(t *testing.T) {
	t.Parallel()
	if !*wanted {
		t.Skip("seconds: make test-proxies")
	}
	for _, p := range proxies[:2] {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, p, "3s")
			w.writer.send(5)
			first := w.settle(t, "at the start")
			pause(8 * time.Second)
			w.writer.send(5)
			for i, links := range w.settle(t, "after idling") {
				if links <= first[i] {
					t.Errorf("%s was not cut", w.followers[i].name)
				}
			}
		})
	}
}

// TestAddressesBehindProxies: limits per address count the clients of a proxy, and no client can choose its address.
func TestAddressesBehindProxies(t *testing.T) {
	t.Parallel()
	if !*wanted {
		t.Skip("it builds the server: make test-proxies")
	}
	for _, p := range proxies {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, services.Port(t), "DATABASE_URL=sqlite::memory:", "CONNECTIONS_PER_ADDRESS=1")
			front, trusted := p.start(t, idle, s.addr, s.addr)
			open := func(from, forwarded string) int {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+front.Addr()+"/graphql/stream?query=subscription{chatEvents{cursor}}", nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Accept", "text/event-stream")
				request.Header.Set("Authorization", "Bearer "+token(t, "ann"))
				if forwarded != "" {
					request.Header.Set("X-Forwarded-For", forwarded)
				}
				response, err := client(t, from, trusted, false).Do(request)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = response.Body.Close() })
				return response.StatusCode
			}
			for _, c := range []struct {
				from, forwarded string
				status          int
				reason          string
			}{
				{"127.0.0.2", "", http.StatusOK, "the first of its address"},
				{"127.0.0.2", "", http.StatusTooManyRequests, "the second of its address"},
				{"127.0.0.3", "", http.StatusOK, "another address behind the same proxy"},
				{"127.0.0.2", "192.0.2.1", http.StatusTooManyRequests, "an address that the client made up"},
			} {
				if got := open(c.from, c.forwarded); got != c.status {
					t.Errorf("%s: status %d, not %d", c.reason, got, c.status)
				}
			}
		})
	}
}
