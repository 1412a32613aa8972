package transport

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/transport/admission"
)

// lockedBuffer is a log that tests read while it is written.
type lockedBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *lockedBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

func (b *lockedBuffer) lines(with string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.all.String()) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

// TestRefusalsAreLogged: the operator of the server learns why a page or a connection is refused, and which setting says so.
func TestRefusalsAreLogged(t *testing.T) {
	t.Parallel()
	subscription := "query=" + url.QueryEscape(`subscription { chatEvents { cursor } }`)
	events := []string{"Accept", mediaEvents, "Origin", "https://evil.example"}
	socket := []string{"Upgrade", "websocket", "Connection", "Upgrade", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"}
	one := func(o *Options) { o.PerUser = 1 }
	for _, c := range []struct {
		reason, method, path, body string
		change                     func(*Options)
		header                     []string
		says                       []string
	}{
		{"a socket of a foreign page", "GET", "/graphql", "", nil, append(socket, "Origin", "http://localhost:3000"), []string{"http://localhost:3000", "chat.example", "ALLOWED_ORIGINS"}},
		{"a socket of a page with a secret in its origin", "GET", "/graphql", "", nil, append(socket, "Origin", "http://eve:hunter2@evil.example/hunter2?hunter2"), []string{"http://evil.example "}},
		{"a socket of what is no origin", "GET", "/graphql", "", nil, append(socket, "Origin", "hunter2 hunter2"), []string{"not an origin"}},
		{"an EventSource of a foreign page", "GET", "/graphql/stream?" + subscription, "", nil, events, []string{"https://evil.example", "ALLOWED_ORIGINS"}},
		{"a POST of a foreign page", "POST", "/graphql", query(`{ __typename }`, nil), nil, []string{"Origin", "https://evil.example"}, []string{"https://evil.example", "ALLOWED_ORIGINS"}},
		{"a preflight of a foreign page", "OPTIONS", "/graphql", "", nil, []string{"Origin", "https://evil.example"}, []string{"https://evil.example", "ALLOWED_ORIGINS"}},
		{"a foreign host", "POST", "/graphql", query(`{ __typename }`, nil), func(o *Options) { o.LocalOnly = true }, nil, []string{"chat.example", "JWT_SECRET"}},
		{"a lost upgrade", "GET", "/graphql", "", nil, []string{"Sec-WebSocket-Key", "hunter2"}, []string{"lost its upgrade"}},
		{"too many streams of a user", "POST", "/graphql", query(`subscription { chatEvents { cursor } }`, nil), one, []string{"Accept", mediaEvents}, []string{"CONNECTIONS_PER_USER"}},
		{"too many streams of an address", "POST", "/graphql", query(`subscription { chatEvents { cursor } }`, nil), func(o *Options) { o.PerAddress = 1 }, []string{"Accept", mediaEvents}, []string{"CONNECTIONS_PER_ADDRESS"}},
		{"too many streams of all", "POST", "/graphql", query(`subscription { chatEvents { cursor } }`, nil), func(o *Options) { o.Connections = 1 }, []string{"Accept", mediaEvents}, []string{"MAX_CONNECTIONS"}},
		{"too many sockets of all", "GET", "/graphql", "", func(o *Options) { o.Connections = 1 }, socket, []string{"MAX_CONNECTIONS"}},
		{"too many sockets of an address", "GET", "/graphql", "", func(o *Options) { o.PerAddress = 1 }, socket, []string{"CONNECTIONS_PER_ADDRESS"}},
	} {
		log := &lockedBuffer{}
		inVirtualTime(t, func(o *Options) {
			o.Log = slog.New(slog.NewTextHandler(log, nil))
			if c.change != nil {
				c.change(o)
			}
		}, func(w *world) {
			if c.change != nil && !w.transport.options.LocalOnly { // somebody sits there already
				open := w.open(w.request(http.MethodPost, "/graphql", query(`subscription { chatEvents { cursor } }`, nil), "Accept", mediaEvents))
				go func() { _, _ = io.Copy(io.Discard, open.Body) }()
			}
			refuse := func() {
				response, err := w.client.Do(w.request(c.method, c.path, c.body, append(c.header, "Authorization", "Bearer ann+hunter2")...))
				if err != nil {
					w.t.Fatal(err)
				}
				_ = response.Body.Close()
			}
			for range 5 {
				refuse()
			}
			for _, word := range append(c.says, "level=WARN", "leftOut=0") {
				if log.lines(word) != 1 {
					w.t.Errorf("%s: not one line with %s: %s", c.reason, word, log.all.String())
				}
			}
			<-time.After(admission.WarningEvery)
			refuse()
			if log.lines("level=WARN") != 2 || log.lines("leftOut=4") != 1 {
				w.t.Errorf("%s: after a minute: %s", c.reason, log.all.String())
			}
			if log.lines("hunter2") > 0 {
				w.t.Errorf("%s: the log holds a secret: %s", c.reason, log.all.String())
			}
		})
	}
}

// TestSocketsOfAUserAreLogged: that there are too many is known only after the init.
func TestSocketsOfAUserAreLogged(t *testing.T) {
	t.Parallel()
	log := &lockedBuffer{}
	inVirtualTime(t, func(o *Options) { o.PerUser, o.Log = 1, slog.New(slog.NewTextHandler(log, nil)) }, func(w *world) {
		_ = w.join("ann")
		s, _ := w.dial(ours, nil)
		s.send(initMessage)
		if code, _, _ := s.closed(); code != closeTryAgain || log.lines("CONNECTIONS_PER_USER") != 1 {
			w.t.Errorf("%d: %s", code, log.all.String())
		}
	})
}
