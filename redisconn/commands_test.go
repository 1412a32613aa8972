package redisconn

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// inScripts are the commands that a Lua script calls.
var inScripts = regexp.MustCompile(`redis\.p?call\('(\w+)'`)

// program returns the text of all that talks to Redis, without what only tries it.
func program(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"../db/cache", "../rate", "../events/redisbus", "."} {
		err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			name := filepath.Base(path)
			code := strings.HasSuffix(name, ".lua") || strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
			if err != nil || !code || slices.Contains([]string{"abilities_try.go", "watcher_ask.go"}, name) {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestTheCommandsAreSent: no right is asked for that the program does not use, and none is missing that its scripts need. What else is missing
// shows in the test of the app that runs as a user with these rights.
func TestTheCommandsAreSent(t *testing.T) {
	t.Parallel()
	text := program(t)
	listed := append(commandsOf(single, 0), commandsOf(cluster, 0)...)
	ofTheClient := []string{"cluster|slots", "command"} // go-redis sends them by itself
	for _, command := range listed {
		method := regexp.MustCompile(`(?i)\.` + strings.ReplaceAll(command, "|", "") + `|call\('` + command + `'`)
		if !slices.Contains(ofTheClient, command) && !method.MatchString(text) {
			t.Errorf("%s is in the list of commands, and nothing sends it", command)
		}
	}
	calls := inScripts.FindAllStringSubmatch(text, -1)
	for _, call := range calls {
		if !slices.Contains(needScripts.commands, strings.ToLower(call[1])) {
			t.Errorf("a script calls %s, which is not in the list of commands", call[1])
		}
	}
	if len(calls) < 5 {
		t.Errorf("%d calls in scripts: the check is blind", len(calls))
	}
}
