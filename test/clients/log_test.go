package clients

import (
	"fmt"
	"testing"
)

// log holds what a client has seen of one chat, and validates it.
type log struct {
	last   int      // the sequence number of the last durable event
	coming []string // the contents of the messages that must arrive, in order
	codes  []code   // of closed sockets
	tries  int      // connections attempted
}

// expect registers the messages that write sends under this name.
func (seen *log) expect(name string) {
	for i := range written {
		seen.coming = append(seen.coming, fmt.Sprintf("%s %d", name, i))
	}
}

// take adds a line of a stream that must continue. It returns an error for the end of the stream, and for a durable
// event that is not the next in the sequence with the next message sent.
func (seen *log) take(l line) error {
	switch l.Kind {
	case "error", "complete", "gave up":
		return fmt.Errorf("the client reports %q %s %s: the stream must continue", l.Kind, l.Code, l.Text)
	case "connecting":
		seen.tries++
	case "closed":
		seen.codes = append(seen.codes, l.Code)
	case "event":
		if l.Event.Seq > 0 {
			return seen.takeDurable(l.Event)
		}
	}
	return nil
}

func (seen *log) takeDurable(e event) error {
	seen.last++
	if len(seen.coming) == 0 || e.Seq != seen.last || e.Message.Content != seen.coming[0] {
		return fmt.Errorf("got event %d %q, want %d of %q", e.Seq, e.Message.Content, seen.last, seen.coming)
	}
	seen.coming = seen.coming[1:]
	return nil
}

// TestLogSeesWhatIsWrong is the validator's negative control.
func TestLogSeesWhatIsWrong(t *testing.T) {
	t.Parallel()
	message := func(seq int, content string) line {
		l := line{Kind: "event", Event: event{Seq: seq}}
		l.Event.Message.Content = content
		return l
	}
	good := []line{{Kind: "connecting"}, message(2, "a 0"), {Kind: "event"}, {Kind: "closed", Code: "1006"}, message(3, "a 1")}
	cases := []struct {
		reason string
		line   line
		wrong  bool
	}{
		{"the next", message(4, "a 2"), false},
		{"an ephemeral event", line{Kind: "event"}, false},
		{"one is missing", message(5, "a 3"), true},
		{"one is repeated", message(3, "a 1"), true},
		{"the server lost one that it acknowledged", message(4, "a 3"), true},
		{"the stream seems to end", line{Kind: "complete"}, true},
		{"the client is told to stop", line{Kind: "error"}, true},
		{"the client stops by itself", line{Kind: "gave up"}, true},
	}
	for _, test := range cases {
		seen := &log{last: 1}
		seen.expect("a")
		for _, l := range good {
			if err := seen.take(l); err != nil {
				t.Fatal(err)
			}
		}
		if err := seen.take(test.line); (err != nil) != test.wrong {
			t.Errorf("%s: %v", test.reason, err)
		}
	}
}
