package clients

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// example starts a client of the page; what is "ask" or "follow".
func (s *server) example(t *testing.T, name, what string, tokens *issuing, environ ...string) *client {
	t.Helper()
	if name == "genqlient" {
		path, err := genqlient()
		if err != nil {
			t.Fatal(err)
		}
		return s.run(t, "", tokens, []string{path, what}, environ...)
	}
	script := map[string]string{"ask": "ask.mjs", "follow": "follow-example.mjs"}[what]
	dir := exampleDir(t)
	if file, over := strings.CutSuffix(name, " over SSE"); over {
		name, dir = file, filepath.Join(filepath.Dir(dir), "overSSE")
	}
	return s.script(t, dir, tokens, []string{script, name}, environ...)
}

// exampleFollowers returns the clients of the page that follow a chat.
func exampleFollowers() []follower {
	var all []follower
	for _, name := range []string{"apollo", "urql", "relay", "plain", "posted", "genqlient", "urql over SSE"} {
		all = append(all, follower{
			name:   name,
			socket: slices.Contains([]string{"apollo", "urql", "relay"}, name),
			renews: slices.Contains([]string{"apollo", "urql", "relay", "genqlient"}, name),
			follow: func(t *testing.T, s *server, tokens *issuing, chat, after string) *client {
				t.Helper()
				return s.example(t, name, "follow", tokens, "CHAT="+chat, "AFTER="+after)
			},
		})
	}
	return all
}

// TestExamplesAsk runs the queries and mutations of every example.
func TestExamplesAsk(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, f := range exampleFollowers() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			chat, cursor := s.newChat("ann")
			a := s.example(t, f.name, "ask", issue(t, lasting("ann")), "CHAT="+chat).wait("asked")
			if a.Title != "A chat" || a.Cursor != cursor || !strings.HasPrefix(a.Sent, "from ") || a.Messages != 1 {
				t.Errorf("got %+v", a)
			}
			if a.Code != "BAD_USER_INPUT" {
				t.Errorf("an empty message is answered with the code %q", a.Code)
			}
		})
	}
}

// TestPossibleTypes compares the possible types in the page's schema.mjs, for Apollo Client, with the schema.
func TestPossibleTypes(t *testing.T) {
	t.Parallel()
	var shown map[string][]string
	file, err := os.ReadFile(filepath.Join(exampleDir(t), "possible-types.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(file, &shown); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for name, definition := range schema.Types {
		if definition.IsAbstractType() {
			for _, possible := range schema.PossibleTypes[name] {
				if !possible.IsAbstractType() {
					want[name] = append(want[name], possible.Name)
				}
			}
			slices.Sort(want[name])
		}
	}
	for name := range shown {
		slices.Sort(shown[name])
	}
	if !maps.EqualFunc(want, shown, slices.Equal) {
		t.Errorf("possibleTypes in the page:\n%v\nin the schema:\n%v", shown, want)
	}
}

// TestExampleWaitsWhenTold sends faster than the server allows. Every message must arrive, with a delay.
func TestExampleWaitsWhenTold(t *testing.T) {
	t.Parallel()
	dir := exampleDir(t)
	s := start(t, "MUTATION_RATE=1", "MUTATION_BURST=5")
	chat, _ := s.newChat("ann")
	sent := s.script(t, dir, issue(t, lasting("ann")), []string{"burst.mjs"}, "CHAT="+chat).wait("sent")
	if sent.Messages != 8 || sent.Told == 0 {
		t.Errorf("sent %d messages, told to wait %d times; want 8 messages, and at least one wait", sent.Messages, sent.Told)
	}
}

// TestExampleKeepsItsConnection uses tokens that live for seconds. The server asks for the next one before each
// expires, and the connection outlives them all. A renewal must not trigger another request at once.
func TestExampleKeepsItsConnection(t *testing.T) {
	t.Parallel()
	const life, followed = 10 * time.Second, 15 * time.Second
	for _, f := range exampleFollowers() {
		if !f.renews {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			chat, cursor := s.newChat("ann")
			tokens := issue(t, func() string { return sign("ann", life) })
			c := f.follow(t, s, tokens, chat, cursor)
			seen := &log{last: 1}
			write(t, s, chat, "before", func() {})
			c.messages(seen, "before")
			<-time.After(followed)
			write(t, s, chat, "after", func() {})
			c.messages(seen, "after")
			if seen.tries != 1 || len(seen.codes) > 0 {
				t.Errorf("%d connections, closed with %v: want one that stays open", seen.tries, seen.codes)
			}
			if n := tokens.count(); n < int(followed/life)+1 || n > 10 {
				t.Errorf("the client asked for %d tokens of %s in %s", n, life, followed)
			}
		})
	}
}
