package clients

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// TestExpiredTokenIsNoEnd lets the token of an open stream expire. The client must see a failure, reconnect with a
// fresh token and miss nothing: a client that considers the stream complete stays silent.
func TestExpiredTokenIsNoEnd(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, f := range followers(t) {
		if f.fixed || f.renews {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			chat, cursor := s.newChat("ann")
			tokens := issue(t, func() string { return sign("ann", 4*time.Second) })
			c := f.follow(t, s, tokens, chat, cursor)
			seen := &log{last: 1}
			write(t, s, chat, "before", func() {})
			c.messages(seen, "before")

			tokens.change(lasting("ann"))
			for again := seen.tries; seen.tries == again; {
				if err := seen.take(c.next(time.After(waitLong), "the disconnect")); err != nil {
					t.Fatal(err)
				}
			}
			write(t, s, chat, "after", func() {})
			c.messages(seen, "after")
			if f.socket && !slices.Equal(seen.codes, []code{"4403"}) {
				t.Errorf("closed with %v, want 4403", seen.codes)
			}
		})
	}
}

// stormTime is how long a client with a bad token is watched, and stormTries how often it may reconnect meanwhile.
const (
	stormTime  = 30 * time.Second
	stormTries = 6
)

// TestRefusedTokenIsNoStorm watches clients that are never admitted: their own back-off must take effect. (graphql-ws
// opens 1,754 connections in 2 s to a server that closes with 1000.)
func TestRefusedTokenIsNoStorm(t *testing.T) {
	t.Parallel()
	needNode(t)
	cases := []struct {
		reason   string
		token    func() string
		admitted bool
		clients  []follower
	}{
		{"no token at all", func() string { return "" }, false, libraries()},
		{"a token with a wrong signature", func() string { return sign("ann", time.Hour) + "x" }, false, followers(t)},
		{"a token that expired, within the leeway", func() string { return sign("ann", -5*time.Second) }, true, libraries()},
	}
	s := start(t)
	chat, cursor := s.newChat("ann")
	for _, test := range cases {
		for _, f := range test.clients {
			t.Run(f.name+", "+test.reason, func(t *testing.T) {
				t.Parallel()
				c := f.follow(t, s, issue(t, test.token), chat, cursor)
				if n := c.reconnects(test.admitted); n > stormTries {
					t.Errorf("%d reconnects, want at most %d in %s", n, stormTries, stormTime)
				}
			})
		}
	}
}

// TestStormIsSeen is the negative control: a server that refuses with 1000, as one plausibly may, causes the storm.
func TestStormIsSeen(t *testing.T) {
	t.Parallel()
	needNode(t)
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Error(err)
			return
		}
		_, _, _ = conn.Read(r.Context()) // connection_init
		_ = conn.Close(websocket.StatusNormalClosure, "refused")
	}))
	t.Cleanup(refusing.Close)
	s := &server{t: t, url: refusing.URL}
	f := libraries()[0]
	if n := f.follow(t, s, issue(t, lasting("ann")), "a chat", "a cursor").reconnects(false); n <= stormTries {
		t.Errorf("%s reconnected %d times in %s after 1000: this test cannot fail, or the client's back-off was fixed", f.name, n, stormTime)
	}
}
