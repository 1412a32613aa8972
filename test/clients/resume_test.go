package clients

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// follower is a client that follows a chat: an unmodified library, or an example of docs/clients.md.
type follower struct {
	name   string
	socket bool // it sees close codes
	fixed  bool // its URL contains the token: the application must create a new client for a new one
	renews bool // it sends a new token before the old one ends
	follow func(t *testing.T, s *server, tokens *issuing, chat, after string) *client
}

func libraries() []follower {
	var all []follower
	for _, name := range []string{"graphql-ws", "graphql-sse distinct", "graphql-sse single", "EventSource"} {
		all = append(all, follower{
			name: name, socket: name == "graphql-ws", fixed: name == "EventSource",
			follow: func(t *testing.T, s *server, tokens *issuing, chat, after string) *client {
				t.Helper()
				return s.script(t, "", tokens, []string{"follow.mjs", name}, "CHAT="+chat, "AFTER="+after)
			},
		})
	}
	return all
}

func followers(t *testing.T) []follower {
	t.Helper()
	return append(libraries(), exampleFollowers()...)
}

// TestFollowersMissNothing sends messages while the server is killed and started, then stopped and started. Every
// acknowledged message must reach the client once and in order, and the end of the server must not look like the end of
// the stream.
func TestFollowersMissNothing(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, f := range followers(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			chat, cursor := s.newChat("ann")
			c := f.follow(t, s, issue(t, lasting("ann")), chat, cursor)
			seen := &log{last: 1} // ChatCreated has number 1

			write(t, s, chat, "before", func() {})
			c.messages(seen, "before")
			write(t, s, chat, "killed", func() { s.kill(); s.up() })
			c.messages(seen, "killed")
			closes := len(seen.codes)
			write(t, s, chat, "stopped", func() { s.stop(); s.up() })
			c.messages(seen, "stopped")

			codes := seen.codes[closes:]
			if f.socket && (len(codes) == 0 || codes[0] != "1012") { // event streams have no close codes
				t.Errorf("a stopping server closed with %v, want 1012", codes)
			}
			if seen.tries < 3 {
				t.Errorf("the client connected %d times: nothing was disconnected", seen.tries)
			}
		})
	}
}

// written is how many messages write sends.
const written = 10

// write sends messages one after the other, each until it is acknowledged, and runs meanwhile after the third,
// concurrently with the others.
func write(t *testing.T, s *server, chat, name string, meanwhile func()) {
	t.Helper()
	third, sent := make(chan struct{}), make(chan error, 1)
	go func() {
		var failed []string
		for i := range written {
			if err := s.send("ann", chat, uuid.NewString(), fmt.Sprintf("%s %d", name, i)); err != nil {
				failed = append(failed, err.Error())
			}
			if i == 2 {
				close(third)
			}
		}
		if len(failed) > 0 {
			sent <- fmt.Errorf("%s", strings.Join(failed, "\n"))
		}
		close(sent)
	}()
	<-third
	meanwhile()
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}
