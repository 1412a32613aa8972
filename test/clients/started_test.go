package clients

import (
	"bytes"
	"io"
	stdlog "log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCutBeforeTheFirstMessage follows a chat without `after` and kills the server as soon as the stream has begun.
// StreamStarted gave the client its cursor, so it must receive everything committed before it reconnects.
func TestCutBeforeTheFirstMessage(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, f := range followers(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			chat, _ := s.newChat("ann")
			c := f.follow(t, s, issue(t, lasting("ann")), chat, "")
			s.killAfterStart(c)
			s.elsewhere(func(other *server) { write(t, other, chat, "meanwhile", func() {}) })
			s.up()
			seen := &log{last: 1}
			c.messages(seen, "meanwhile")
			write(t, s, chat, "after", func() {})
			c.messages(seen, "after")
		})
	}
}

// killAfterStart waits for the first event and kills the server.
func (s *server) killAfterStart(c *client) {
	s.t.Helper()
	if l := c.wait("event"); l.Event.Kind != "StreamStarted" {
		s.t.Fatalf("the first event is %q", l.Event.Kind)
	}
	s.kill()
}

// TestCutBeforeTheFirstMessageIsSeen is the negative control: clients that ignore the cursor of StreamStarted.
func TestCutBeforeTheFirstMessageIsSeen(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, name := range []string{"graphql-ws", "graphql-sse distinct"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			chat, _ := s.newChat("ann")
			c := s.script(t, "", issue(t, lasting("ann")), []string{"follow.mjs", name}, "CHAT="+chat, "IGNORE_STARTED=1")
			s.killAfterStart(c)
			s.elsewhere(func(other *server) { write(t, other, chat, "meanwhile", func() {}) })
			s.up()
			if l := c.wait("event"); l.Event.Kind != "StreamStarted" {
				t.Fatalf("got %+v: nothing was lost, so the test above cannot fail", l.Event)
			}
			write(t, s, chat, "after", func() {})
			if l := c.wait("event"); l.Event.Message.Content != "after 0" {
				t.Errorf("got %+v, want the first message after the lost ones", l.Event)
			}
		})
	}
}

// TestCutAfterTheFirstID breaks the stream after the block with the first cursor, before any event. Clients that keep
// Last-Event-ID by themselves resume from it.
func TestCutAfterTheFirstID(t *testing.T) {
	t.Parallel()
	for _, f := range followers(t) {
		if f.name != "EventSource" && f.name != "plain" && f.name != "posted" {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			needNode(t)
			s := start(t)
			chat, _ := s.newChat("ann")
			cut := s.cutting(t)
			// Node's own EventSource keeps such an id, as browsers do (HTML, 9.2.6). The npm package keeps only the ids
			// of events.
			through := &server{t: t, url: cut.url, clients: []string{"NODE_OPTIONS=--experimental-eventsource"}}
			c := f.follow(t, through, issue(t, lasting("ann")), chat, "")
			select {
			case first := <-cut.first:
				if !strings.HasPrefix(first, "id: ") || strings.Count(first, "\n") != 2 {
					t.Fatalf("the stream begins with %q, want only an id", first)
				}
			case <-time.After(waitLong):
				t.Fatal("no stream began")
			}
			write(t, s, chat, "meanwhile", func() {})
			close(cut.admit)
			seen := &log{last: 1}
			c.messages(seen, "meanwhile")
		})
	}
}

// cutting is a proxy that breaks the first stream after its first block, and holds all later requests until it is told
// to admit them.
type cutting struct {
	url   string
	first chan string
	admit chan struct{}
	once  sync.Once
}

func (s *server) cutting(t *testing.T) *cutting {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	c := &cutting{first: make(chan string, 1), admit: make(chan struct{})}
	proxy := &httputil.ReverseProxy{
		FlushInterval: -1,
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			c.once.Do(func() { r.Body = &oneBlock{ReadCloser: r.Body, cut: c} })
			return nil
		},
		ErrorLog: stdlog.New(io.Discard, "", 0), // the proxy breaks the stream on purpose
	}
	var begun sync.Once
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first := false
		begun.Do(func() { first = true })
		if !first {
			select {
			case <-c.admit:
			case <-r.Context().Done():
				return
			}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	c.url = front.URL
	return c
}

// oneBlock ends a stream with an error after its first empty line.
type oneBlock struct {
	io.ReadCloser
	cut  *cutting
	seen []byte
}

// Read reads one byte, so that nothing after the block is read.
func (b *oneBlock) Read(p []byte) (int, error) {
	if bytes.HasSuffix(b.seen, []byte("\n\n")) {
		b.cut.first <- string(b.seen)
		return 0, io.ErrUnexpectedEOF
	}
	n, err := b.ReadCloser.Read(p[:1])
	b.seen = append(b.seen, p[:n]...)
	return n, err
}
