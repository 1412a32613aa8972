package clients

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// line is one report of a client.
type line struct {
	Kind  string `json:"kind"` // connecting, answered, closed, event, error, complete, gave up; others of single scripts
	Event event  `json:"event"`
	Code  code   `json:"code"` // of a closed socket, an HTTP answer, or a GraphQL error
	Text  string `json:"text"`

	ID, Name, Status, Reason string // of an audit

	// Reported by an example.
	Title, Cursor, Sent string
	Messages, Told      int

	Rows []string // of a list of chats, as it is shown
}

// code is a number or a name.
type code string

// UnmarshalJSON accepts both.
func (c *code) UnmarshalJSON(text []byte) error {
	*c = code(strings.Trim(string(text), `"`))
	return nil
}

// event holds the fields of an event of chatEvents that the tests read.
type event struct {
	Kind    string `json:"__typename"`
	ChatID  string `json:"chatId"`
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
	input io.Writer
}

// script runs a script of test/clients/node. dir, if not "", holds the example that the script imports.
func (s *server) script(t *testing.T, dir string, tokens *issuing, arguments []string, environ ...string) *client {
	t.Helper()
	arguments[0] = fromHere("node/" + arguments[0])
	command := append([]string{"node", "--import", "file://" + fromHere("node/browser.mjs")}, arguments...)
	return s.run(t, dir, tokens, command, environ...)
}

// run starts a client, which ends with the test.
func (s *server) run(t *testing.T, dir string, tokens *issuing, command []string, environ ...string) *client {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SERVER="+s.url, "TOKENS="+tokens.url)
	cmd.Env = append(append(cmd.Env, s.clients...), environ...)
	cmd.Stderr = t.Output()
	hold, err1 := cmd.StdinPipe() // the program ends when its input does
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, lines: make(chan line, 100_000), cmd: cmd, input: hold}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.read(stdout)
	}()
	t.Cleanup(func() {
		_ = hold.Close()
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait() // it was killed, or its lines report the error
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

// say sends the client a command.
func (c *client) say(command string) {
	c.t.Helper()
	if _, err := io.WriteString(c.input, command+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

// next returns the client's next report, until the deadline.
func (c *client) next(deadline <-chan time.Time, what string) line {
	c.t.Helper()
	select {
	case l, ok := <-c.lines:
		if !ok {
			c.t.Fatalf("the client ended; wanted: %s", what)
		}
		if !slices.Contains([]string{"event", "repeat", "rows", "audit"}, l.Kind) {
			c.t.Logf("client: %s %s %s", l.Kind, l.Code, l.Text)
		}
		return l
	case <-deadline:
		c.t.Fatalf("timed out waiting for: %s", what)
	}
	return line{}
}

// wait returns the next line of this kind, and fails on a line that must not precede it.
func (c *client) wait(kind string) line {
	c.t.Helper()
	deadline := time.After(waitLong)
	for {
		l := c.next(deadline, kind)
		if l.Kind == kind {
			return l
		}
		if err := new(log).take(l); err != nil {
			c.t.Fatal(err)
		}
	}
}

// messages reads the messages that write sends under this name.
func (c *client) messages(seen *log, name string) {
	c.t.Helper()
	seen.expect(name)
	deadline := time.After(waitLong)
	for len(seen.coming) > 0 {
		if err := seen.take(c.next(deadline, seen.coming[0])); err != nil {
			c.t.Fatal(err)
		}
	}
}

// reconnects counts how often a refused client reconnects, until stormTime is over or the count is a storm. A client
// that is admitted and disconnected at once may see the start of its stream.
func (c *client) reconnects(admitted bool) int {
	c.t.Helper()
	c.wait("connecting")
	over := time.After(stormTime)
	for again := 0; ; {
		select {
		case l, more := <-c.lines:
			if !more { // it has given up
				return again
			}
			c.t.Logf("client: %s %s %s", l.Kind, l.Code, l.Text)
			if l.Kind == "event" && !admitted || l.Kind == "complete" {
				c.t.Fatalf("a refused client reports %q", l.Kind)
			}
			if l.Kind == "connecting" {
				again++
			}
			if again > stormTries {
				return again
			}
		case <-over:
			return again
		}
	}
}
