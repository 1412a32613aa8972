package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRestoreIsForgotten restores a backup under open lists. After StreamReset they must show the older state, although
// its numbers are lower, and then a message whose number they have seen before.
func TestRestoreIsForgotten(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a, _ := s.newTitled("ann", "A")
			c := s.sidebar(t, keeper, issue(t, lasting("ann")))
			seen := &list{coming: map[string][]string{a: {"one", "lost 1", "lost 2"}}}
			c.until(seen, "the feed", func() bool { return seen.starts > 0 })
			s.say(a, "one")
			c.until(seen, "a message", seen.shows("A: one (0)"))

			s.stop()
			backup := t.TempDir()
			s.copyDatabase(filepath.Dir(s.database()), backup)
			s.up()
			s.say(a, "lost 1")
			s.say(a, "lost 2")
			c.until(seen, "messages newer than the backup", func() bool { return seen.shows("A: lost 2 (0)")() && seen.allHere() })
			seen.coming = nil // the feed begins again, slightly earlier, with other identities

			s.stop()
			s.copyDatabase(backup, filepath.Dir(s.database()))
			s.command("epoch", "bump")
			s.up()
			c.until(seen, "the backup", seen.shows("A: one (0)"))
			s.say(a, "new")
			c.until(seen, "a message whose number was used before", seen.shows("A: new (0)"))
		})
	}
}

// TestResetOfAnotherChatIsNoLoop begins the feed just after a chat was deleted. The feed resets that chat, because its
// events are gone, and would do so again after each new query of the list.
func TestResetOfAnotherChatIsNoLoop(t *testing.T) {
	t.Parallel()
	needNode(t)
	for _, keeper := range keepers {
		t.Run(keeper, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			a, _ := s.newTitled("ann", "A")
			seen := &list{}
			deleted := func() {
				gone, _ := s.newTitled("ann", "Gone")
				s.delete(gone)
			}
			deleted()
			c := s.sidebar(t, keeper, issue(t, lasting("ann")))
			c.until(seen, "the feed", func() bool { return seen.starts > 0 })
			deleted()
			for i := range written {
				s.say(a, fmt.Sprint(i))
				c.until(seen, "the message", seen.shows(fmt.Sprintf("A: %d (0)", i)))
			}
			if seen.starts > 3 { // at most one query for each chat
				t.Errorf("the feed began %d times", seen.starts)
			}
		})
	}
}

// database returns the path of the server's database.
func (s *server) database() string {
	for _, setting := range s.env {
		if path, ok := strings.CutPrefix(setting, "DATABASE_URL=sqlite:"); ok {
			return path
		}
	}
	s.t.Fatal("the server has no SQLite database")
	return ""
}

// copyDatabase copies a database and its log while no server runs.
func (s *server) copyDatabase(from, to string) {
	s.t.Helper()
	stale, err1 := filepath.Glob(filepath.Join(to, "chat.db*"))
	files, err2 := filepath.Glob(filepath.Join(from, "chat.db*"))
	if err1 != nil || err2 != nil || len(files) == 0 {
		s.t.Fatal(err1, err2, files)
	}
	for _, file := range stale {
		if err := os.Remove(file); err != nil {
			s.t.Fatal(err)
		}
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), content, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// command runs one command of the server's program to its end.
func (s *server) command(arguments ...string) {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command(path, arguments...)
	cmd.Env = s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}
