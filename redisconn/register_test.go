package redisconn

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// keyLike is text that looks like a key, a channel, or a part of one: words joined by colons, or with a hash tag.
var keyLike = regexp.MustCompile(`^[\w.%-]*:[\w.:{}%*-]*$|\{[\w%]*\}:|:\{`)

// suspects returns the texts of a Go file that look like keys, if it talks to Redis.
func suspects(t *testing.T, name string, source any) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), name, source, 0)
	if err != nil {
		t.Fatal(err)
	}
	redis := false
	for _, path := range file.Imports {
		redis = redis || strings.Contains(path.Path.Value, "go-redis") || path.Path.Value == `"studychat/redisconn"`
	}
	if !redis {
		return nil
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
			if value, _ := strconv.Unquote(text.Value); keyLike.MatchString(value) && value != "sqlite:" { // which is part of an address
				found = append(found, value)
			}
		}
		return true
	})
	return found
}

// No package but this one builds a key or a channel: keys.go is the whole list of what is in Redis.
func TestKeysAreBuiltHereAlone(t *testing.T) {
	t.Parallel()
	checked := 0
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && slices.Contains([]string{"redisconn", "test", "bench", "node_modules"}, entry.Name()) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		checked++
		for _, text := range suspects(t, path, nil) {
			t.Errorf("%s: %q looks like a key; build it in redisconn/keys.go", path, text)
		}
		return nil
	})
	if err != nil || checked < 50 {
		t.Errorf("%d files, %v", checked, err)
	}
}

func TestSuspects(t *testing.T) {
	t.Parallel()
	for text, suspect := range map[string]bool{
		"sc1:r:": true, "sc2:": true, "studychat:rate:": true, "%s:p{%02d}": true, ":i{%02d}:%s": true, ":p{": true, "chat:": true,
		"the cache: Redis does not answer": false, "streams": false, "a: b": false,
	} {
		source := "package x\nimport _ \"github.com/redis/go-redis/v9\"\nvar _ = " + strconv.Quote(text)
		if found := suspects(t, "x.go", source); (len(found) > 0) != suspect {
			t.Errorf("%q: %q", text, found)
		}
	}
}
