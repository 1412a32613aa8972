package clients

import (
	"slices"
	"testing"
	"time"
)

// TestExpiredTokenIsNoEnd lets the token of an open stream run out. The stream has to be cut so that the client sees a
// failure, comes back with a fresh token and misses nothing: a client that believes the stream complete stays silent.
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
				l := c.next(time.After(waitLong), "the cut")
				c.mustNot(l)
				seen.note(l)
			}
			write(t, s, chat, "after", func() {})
			c.messages(seen, "after")
			if f.socket && !slices.Equal(seen.codes, []code{"4403"}) {
				t.Errorf("closed with %v, want 4403", seen.codes)
			}
		})
	}
}

// stormTime is how long a client with a bad token is watched, and stormTries how often it may come back meanwhile.
const (
	stormTime  = 30 * time.Second
	stormTries = 6
)

// TestRefusedTokenIsNoStorm watches clients that nobody will ever let in: their own back-off must have its way. (A
// server that closes with 1000 gets 1,754 connections in 2 s from graphql-ws.)
func TestRefusedTokenIsNoStorm(t *testing.T) {
	t.Parallel()
	needNode(t)
	cases := []struct {
		reason  string
		token   func() string
		clients []follower
	}{
		{"no token at all", func() string { return "" }, libraries()},
		{"a token that another made", func() string { return sign("ann", time.Hour) + "x" }, followers(t)},
		{"a token that ran out, within the leeway", func() string { return sign("ann", -5*time.Second) }, libraries()},
	}
	s := start(t)
	chat, cursor := s.newChat("ann")
	for _, test := range cases {
		for _, f := range test.clients {
			t.Run(f.name+", "+test.reason, func(t *testing.T) {
				t.Parallel()
				c := f.follow(t, s, issue(t, test.token), chat, cursor)
				c.wait("connecting")
				c.countReconnects()
			})
		}
	}
}

// countReconnects watches a client that is refused.
func (c *client) countReconnects() {
	c.t.Helper()
	for again, over := 0, time.After(stormTime); ; {
		select {
		case l := <-c.lines:
			if l.Kind == "connecting" {
				again++
			}
			if l.Kind == "event" || l.Kind == "complete" {
				c.t.Fatalf("the client reports %+v", l)
			}
			if l.Kind != "" { // some clients give up and end
				c.t.Logf("client: %s %s %s", l.Kind, l.Code, l.Text)
			}
			if again > stormTries {
				c.t.Fatalf("%d reconnects, want at most %d in %s", again, stormTries, stormTime)
			}
		case <-over:
			c.t.Logf("%d reconnects in %s", again, stormTime)
			return
		}
	}
}
