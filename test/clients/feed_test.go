package clients

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// keepers are the clients of the page that update the list of chats from the feed. A name may include a variant.
var keepers = []string{"apollo", "urql", "relay", "store", "urql, overSSE"}

// sidebar starts a client that shows the list of chats.
func (s *server) sidebar(t *testing.T, keeper string, tokens *issuing) *client {
	t.Helper()
	dir := exampleDir(t)
	name, variant, _ := strings.Cut(keeper, ", ")
	if variant != "" {
		dir = filepath.Join(filepath.Dir(dir), variant)
	}
	return s.script(t, dir, tokens, []string{"sidebar.mjs", name})
}

// list holds what a client has shown of the list of chats, and validates it.
type list struct {
	coming map[string][]string // by chat, the contents of the messages that must arrive, in order; nil if any may
	rows   []string            // as they are shown now
	events int                 // new messages
	again  int                 // events that the client dropped
	tries  int                 // connections attempted
	starts int                 // how often the feed began
}

// take adds a line. It returns an error for a message that is not the next of its chat, and for the end of the feed.
func (l *list) take(seen line) error {
	switch seen.Kind {
	case "error", "complete", "gave up":
		return fmt.Errorf("the client reports %q %s %s: the feed must continue", seen.Kind, seen.Code, seen.Text)
	case "connecting":
		l.tries++
	case "rows":
		l.rows = seen.Rows
	case "repeat":
		l.again++
	case "event":
		if seen.Event.Kind == "StreamStarted" {
			l.starts++
		}
		if seen.Event.Kind == "MessageSent" {
			return l.takeMessage(seen.Event)
		}
	}
	return nil
}

func (l *list) takeMessage(e event) error {
	if l.coming == nil {
		return nil
	}
	coming := l.coming[e.ChatID]
	if len(coming) == 0 || e.Message.Content != coming[0] {
		return fmt.Errorf("got message %q, want the first of %q", e.Message.Content, coming)
	}
	l.coming[e.ChatID] = coming[1:]
	l.events++
	return nil
}

// expect registers the messages that write sends under this name.
func (l *list) expect(chat, name string) {
	for i := range written {
		l.coming[chat] = append(l.coming[chat], fmt.Sprintf("%s %d", name, i))
	}
}

// until reads lines until the condition holds.
func (c *client) until(l *list, what string, holds func() bool) {
	c.t.Helper()
	for deadline := time.After(waitLong); !holds(); {
		if err := l.take(c.next(deadline, fmt.Sprintf("%s; shown: %q; expected: %q", what, l.rows, l.coming))); err != nil {
			c.t.Fatal(err)
		}
	}
}

// allHere reports whether no message is missing.
func (l *list) allHere() bool {
	for _, coming := range l.coming {
		if len(coming) > 0 {
			return false
		}
	}
	return true
}

// shows reports whether exactly these rows are shown, in any order.
func (l *list) shows(want ...string) func() bool {
	return func() bool {
		return slices.Equal(slices.Sorted(slices.Values(l.rows)), slices.Sorted(slices.Values(want)))
	}
}

// TestFeedMissesNothing kills the server before the first event of the feed, during sends, and while idle. Each message
// must arrive once, and each row must show its last message.
func TestFeedMissesNothing(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a, _ := s.newTitled("ann", "A")
			b, _ := s.newTitled("ann", "B")
			c := s.sidebar(t, keeper, issue(t, lasting("ann")))
			seen := &list{coming: map[string][]string{}}
			send := func(on *server, name string, meanwhile func()) {
				t.Helper()
				seen.expect(a, name)
				seen.expect(b, name)
				write(t, on, a, name, meanwhile)
				write(t, on, b, name, func() {})
			}

			c.until(seen, "the beginning", func() bool { return seen.tries > 0 && len(seen.rows) == 2 })
			s.killAfterStart(c)
			s.elsewhere(func(other *server) { send(other, "before", func() {}) })
			s.up()
			c.until(seen, "the messages sent before the first event", seen.allHere)
			send(s, "during", func() { s.kill(); s.up() })
			c.until(seen, "the messages sent while the server was killed", seen.allHere)
			s.kill()
			s.elsewhere(func(other *server) {
				send(other, "after", func() {})
				other.newTitled("ann", "New")
				other.delete(b)
			})
			s.up()
			c.until(seen, "the final list", func() bool {
				return seen.shows("A: after 9 (0)", "New:  (0)")() && len(seen.coming[a]) == 0
			})
			if want := 5 * written; seen.events < want || seen.tries < 4 { // B's last messages may be gone
				t.Errorf("%d messages, want at least %d; %d connections, want at least 4", seen.events, want, seen.tries)
			}
			t.Logf("3 kills, %d connections, %d messages once each, %d repeated events dropped", seen.tries, seen.events, seen.again)
		})
	}
}

// delete deletes a chat.
func (s *server) delete(chat string) {
	s.t.Helper()
	if err := s.ask("ann", `mutation ($id: ID!) { deleteChat(input: {chatId: $id}) { deletedChatId } }`, vars{"id": chat}, nil); err != nil {
		s.t.Error(err)
	}
}

// say sends one message.
func (s *server) say(chat, content string) {
	s.t.Helper()
	if err := s.send("ann", chat, uuid.NewString(), content); err != nil {
		s.t.Error(err)
	}
}

// TestOlderAnswerDoesNotWin holds back two answers, of the chat and of the list, until the feed has delivered later
// events: a message, a new chat, and the deletion of another. The shown state must not go back.
func TestOlderAnswerDoesNotWin(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			c, seen, a := s.overtaken(t, keeper)
			for deadline := time.After(waitLong); ; {
				l := c.next(deadline, "the answers")
				if l.Kind == "done" && l.Text == "refetch" {
					break
				}
				seen.mustNotGoBack(t, l)
			}
			s.say(a, "three")
			c.until(seen, "the final list", func() bool { seen.mustNotGoBack(t, line{}); return seen.shows("A: three (0)", "New:  (0)")() })
		})
	}
}

// mustNotGoBack takes a line and fails if the list shows the older message or the deleted chat.
func (l *list) mustNotGoBack(t *testing.T, seen line) {
	t.Helper()
	if err := l.take(seen); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(l.rows, "A: one (0)") || slices.Contains(l.rows, "Gone:  (0)") {
		t.Fatalf("an older answer won: %q", l.rows)
	}
}

// overtaken starts a client, delays its answers until its list is newer, and releases them.
func (s *server) overtaken(t *testing.T, keeper string) (c *client, seen *list, chat string) {
	t.Helper()
	a, _ := s.newTitled("ann", "A")
	gone, _ := s.newTitled("ann", "Gone")
	seen = &list{coming: map[string][]string{a: {"one", "two", "three"}}}
	c = s.sidebar(t, keeper, issue(t, lasting("ann")))
	c.until(seen, "the feed", func() bool { return seen.starts > 0 })
	s.say(a, "one")
	c.until(seen, "the list", func() bool { return len(seen.coming[a]) == 2 && seen.shows("A: one (0)", "Gone:  (0)")() })
	c.say("hold answers")
	c.wait("holding")
	if !strings.HasPrefix(keeper, "store") { // store does not show a single chat
		c.say("open " + a)
		c.wait("held")
	}
	c.say("refetch")
	c.wait("held")
	s.say(a, "two")
	s.newTitled("ann", "New")
	s.delete(gone)
	c.until(seen, "the later events", seen.shows("A: two (0)", "New:  (0)"))
	c.say("release")
	return c, seen, a
}

// TestOlderAnswerIsSeen is the negative control: without keepNewest the older answer wins for a while.
func TestOlderAnswerIsSeen(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range []string{"apollo, lastWins", "urql, lastWins", "relay, lastWins", "store, lastWins"} {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			c, seen, _ := start(t).overtaken(t, keeper)
			c.until(seen, "an older message", func() bool { return slices.Contains(seen.rows, "A: one (0)") })
		})
	}
}

// TestMessageIsShownBeforeItIsSent clicks on a row. The row shows the message while the request waits, and does not
// show it twice afterwards, because the client has chosen its id.
func TestMessageIsShownBeforeItIsSent(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a, _ := s.newTitled("ann", "A")
			c := s.sidebar(t, keeper, issue(t, lasting("ann")))
			seen := &list{coming: map[string][]string{}}
			c.until(seen, "the list", seen.shows("A:  (0)"))
			c.say("hold requests")
			c.wait("holding")
			c.say("wave")
			c.until(seen, "the message, before it is sent", seen.shows("A: 👋 (0)"))
			seen.coming[a] = []string{"👋"}
			c.say("release")
			c.until(seen, "the message, by the feed", seen.allHere)
			seen.coming[a] = []string{"the next"}
			s.say(a, "the next")
			c.until(seen, "the next message", seen.shows("A: the next (0)"))
		})
	}
}

// TestListIsPaged loads the second page and changes its last chat.
func TestListIsPaged(t *testing.T) {
	t.Parallel()
	needNode(t)
	const chats = 25 // a page has 20
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			oldest, _ := s.newTitled("ann", "the oldest")
			for i := range chats - 1 {
				s.newTitled("ann", fmt.Sprintf("chat %d", i))
			}
			c := s.sidebar(t, keeper, issue(t, lasting("ann")))
			seen := &list{coming: map[string][]string{oldest: {"hello"}}}
			c.until(seen, "the first page", func() bool { return len(seen.rows) >= 20 })
			c.say("more")
			c.until(seen, "the second page", func() bool { return len(seen.rows) == chats })
			s.say(oldest, "hello")
			c.until(seen, "the message", func() bool { return seen.rows[0] == "the oldest: hello (0)" })
			if len(seen.rows) != chats {
				t.Errorf("%d rows, want %d: %q", len(seen.rows), chats, seen.rows)
			}
		})
	}
}
