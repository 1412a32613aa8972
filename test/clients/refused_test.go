package clients

import (
	"strings"
	"testing"
	"time"
)

// refusedTime is how long a refused client is watched: longer than the first two waits of each back-off.
const refusedTime = 10 * time.Second

// TestRefusedSubscriptionIsToldOnce follows a chat that does not exist. The client must report the reason and not
// reconnect.
func TestRefusedSubscriptionIsToldOnce(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	for _, f := range followers(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := f.follow(t, s, issue(t, lasting("ann")), "01a2187c-b7a3-7509-9af7-ed7f7c0a4989", "")
			if l := c.wait("error"); !strings.Contains(l.Text, "NOT_FOUND") && !strings.Contains(l.Text, "no such chat") {
				t.Errorf("the error is %q, want a reason", l.Text)
			}
			if f.name == "EventSource" { // as in a browser, the application closes it
				return
			}
			for over := time.After(refusedTime); ; {
				select {
				case l, more := <-c.lines:
					if !more {
						return
					}
					if l.Kind == "connecting" {
						t.Fatal("the client reconnects")
					}
				case <-over:
					return
				}
			}
		})
	}
}
