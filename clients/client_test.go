package clients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// line is one thing that a client reports.
type line struct {
	Kind  string `json:"kind"` // connecting, answered, closed, event, error, complete, gave up; others of one script each
	Event event  `json:"event"`
	Code  code   `json:"code"` // of a closed socket, an HTTP answer, or a GraphQL error
	Text  string `json:"text"`

	ID, Name, Status, Reason string // of an audit

	// Of an example.
	Title, Cursor, Sent string
	Messages, Told      int
	PossibleTypes       map[string][]string
}

// code is a number or a name.
type code string

// UnmarshalJSON takes both.
func (c *code) UnmarshalJSON(text []byte) error {
	*c = code(strings.Trim(string(text), `"`))
	return nil
}

// event is what chatEvents gives, as far as the tests look.
type event struct {
	Kind    string `json:"__typename"`
	Seq     int    `json:"seq"`
	Message struct {
		Content string `json:"content"`
	} `json:"message"`
}

// client is a running program that follows a chat or runs an example.
type client struct {
	t     *testing.T
	lines chan line // closes when the program ends
	cmd   *exec.Cmd
}

// script runs a script of clients/node, in dir if it is not "", which holds the example that it imports.
func (s *server) script(t *testing.T, dir string, tokens *issuing, arguments []string, environ ...string) *client {
	t.Helper()
	arguments[0] = fromHere("node/" + arguments[0])
	command := append([]string{"node", "--import", "file://" + fromHere("node/browser.mjs")}, arguments...)
	return s.run(t, dir, tokens, command, environ...)
}

// run starts a client; it ends with the test.
func (s *server) run(t *testing.T, dir string, tokens *issuing, command []string, environ ...string) *client {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SERVER="+s.url, "TOKENS="+tokens.url)
	cmd.Env = append(cmd.Env, environ...)
	cmd.Stderr = t.Output()
	hold, err1 := cmd.StdinPipe() // the program ends when this does
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, lines: make(chan line, 100_000), cmd: cmd}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.read(stdout)
	}()
	t.Cleanup(func() {
		_ = hold.Close()
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait() // it was killed, or its lines say what went wrong
	})
	return c
}

func (c *client) read(stdout io.Reader) {
	defer close(c.lines)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		var l line
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			c.t.Logf("client: %s", lines.Text())
			continue
		}
		c.lines <- l
	}
}

// next returns what the client reports next, until the deadline.
func (c *client) next(deadline <-chan time.Time, what string) line {
	c.t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			c.t.Fatalf("the client ended; wanted: %s", what)
		}
		if l.Kind != "event" && l.Kind != "audit" {
			c.t.Logf("client: %s %s %s", l.Kind, l.Code, l.Text)
		}
		return l
	case <-deadline:
		c.t.Fatalf("waited in vain for: %s", what)
	}
	return line{}
}

// wait returns the next line of this kind, and fails on what must never be seen before it.
func (c *client) wait(kind string) line {
	c.t.Helper()
	deadline := time.After(waitLong)
	for {
		l := c.next(deadline, kind)
		if l.Kind == kind {
			return l
		}
		c.mustNot(l)
	}
}

// mustNot fails on what a stream that is to go on may never show.
func (c *client) mustNot(l line) {
	c.t.Helper()
	switch l.Kind {
	case "error", "complete", "gave up":
		c.t.Fatalf("the client reports %q %s %s: the stream was to go on", l.Kind, l.Code, l.Text)
	}
}

// log is what a client has seen of one chat.
type log struct {
	last  int    // the sequence number of the last durable event
	codes []code // of closed sockets
	tries int    // connections begun
}

// note takes one line in.
func (seen *log) note(l line) {
	switch l.Kind {
	case "connecting":
		seen.tries++
	case "closed":
		seen.codes = append(seen.codes, l.Code)
	}
}

// messages reads the messages that write sends under this name. Each durable event has to be the next in the sequence,
// and each message the next that was sent: nothing is lost, doubled or out of order.
func (c *client) messages(seen *log, name string) {
	c.t.Helper()
	deadline := time.After(waitLong)
	for i := 0; i < written; {
		want := fmt.Sprintf("%s %d", name, i)
		l := c.next(deadline, "message "+want)
		c.mustNot(l)
		seen.note(l)
		if l.Kind != "event" || l.Event.Seq == 0 {
			continue
		}
		seen.last++
		if l.Event.Seq != seen.last || l.Event.Message.Content != want {
			c.t.Fatalf("got event %d %q, want %d %q", l.Event.Seq, l.Event.Message.Content, seen.last, want)
		}
		i++
	}
}
