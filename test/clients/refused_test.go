package clients

import (
	"strings"
	"testing"
	"time"
)

// refusedTime is how long a client that was refused is watched: longer than the first two waits of each back-off.
const refusedTime = 10 * time.Second

// TestRefusedSubscriptionIsToldOnce follows a chat that is not there. The client has to be told why, and not to come back.
func TestRefusedSubscriptionIsToldOnce(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	for _, f := range followers(t) {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := f.follow(t, s, issue(t, lasting("ann")), "01a2187c-b7a3-7509-9af7-ed7f7c0a4989", "")
			if l := c.wait("error"); !strings.Contains(l.Text, "NOT_FOUND") && !strings.Contains(l.Text, "no such chat") {
				t.Errorf("told %q, want why", l.Text)
			}
			if f.name == "EventSource" { // as a browser has it: it is the application that closes
				return
			}
			for over := time.After(refusedTime); ; {
				select {
				case l, more := <-c.lines:
					if !more {
						return
					}
					if l.Kind == "connecting" {
						t.Fatal("the client comes back")
					}
				case <-over:
					return
				}
			}
		})
	}
}
