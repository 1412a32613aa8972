package clients

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// page returns the blocks of docs/clients.md by their file names.
func page() (map[string]string, error) {
	text, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		return nil, err
	}
	blocks := map[string]string{}
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]+ file=(\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks[block[1]] = block[2]
	}
	return blocks, nil
}

// readerFile replaces the one file that the page leaves to its reader.
const readerFile = `export const server = process.env.SERVER
export const getToken = async () => (await fetch(process.env.TOKENS)).text()
`

// examples writes the page's files as a reader would, checks and translates them with the page's compilers, and returns
// the directory of the programs. Directories beside it differ in one file: in "overSSE", stream.ts replaces socket.ts;
// in "lastWins", an older answer is not replaced.
var examples = sync.OnceValues(func() (string, error) {
	files, err := page()
	if err != nil {
		return "", err
	}
	schema, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		return "", err
	}
	delete(files, "operations.graphql") // genqlient's; Relay would use it, too
	files["schema.graphqls"], files["schema.graphql"] = string(schema), string(schema)
	source := filepath.Join(built, "source")
	out := filepath.Join(source, "out") // as tsconfig.json says
	if err := writeFiles(source, files); err != nil {
		return "", err
	}
	if err := compile(source, "schema.mjs", fromHere("node_modules/relay-compiler/cli.js"), fromHere("node_modules/typescript/bin/tsc")); err != nil {
		return "", err
	}
	changed := map[string]string{"settings.js": readerFile, "package.json": `{"type": "module"}`}
	if err := writeFiles(out, changed); err != nil {
		return "", err
	}
	if err := compile(out, fromHere("node/compile-relay.mjs")); err != nil {
		return "", err
	}
	newest, err := os.ReadFile(filepath.Join(out, "newest.js"))
	if err != nil {
		return "", err
	}
	const head = "export function keepNewest(value) {"
	lastWins := strings.Replace(string(newest), head, head+" return value", 1)
	if lastWins == string(newest) {
		return "", errors.New("newest.ts has no keepNewest")
	}
	return out, errors.Join(
		variant(out, "overSSE", "socket.js", "export * from './stream.js'"),
		variant(out, "lastWins", "newest.js", lastWins),
	)
})

// compile runs programs for Node in a directory.
func compile(dir string, scripts ...string) error {
	for _, script := range scripts {
		cmd := exec.Command("node", script)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", script, err, out)
		}
	}
	return nil
}

// variant copies the directory and changes one file of the copy.
func variant(dir, name, file, text string) error {
	to := filepath.Join(filepath.Dir(dir), name)
	if err := os.CopyFS(to, withoutLinks{os.DirFS(dir)}); err != nil {
		return err
	}
	return writeFiles(to, map[string]string{file: text})
}

// withoutLinks is a directory without node_modules, which is a link.
type withoutLinks struct{ fs.FS }

// ReadDir omits links.
func (w withoutLinks) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(w.FS, name)
	return slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "node_modules" }), err
}

// writeFiles writes files into a directory whose programs find the packages.
func writeFiles(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	err := os.Symlink(fromHere("node_modules"), filepath.Join(dir, "node_modules"))
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

// fromHere makes a path absolute, for programs in other directories.
func fromHere(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		panic(err) // no working directory
	}
	return absolute
}

// exampleDir returns a copy of the examples for this test alone.
func exampleDir(t *testing.T) string {
	t.Helper()
	needNode(t)
	dir, err := examples()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPageShowsTheGoFiles compares the page with the Go example, which is compiled from its own files and not from the
// page.
func TestPageShowsTheGoFiles(t *testing.T) {
	t.Parallel()
	blocks, err := page()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"genqlient.yaml", "operations.graphql", "chat.go", "follow.go"} {
		file, err := os.ReadFile(filepath.Join("genqlient", name))
		if err != nil {
			t.Fatal(err)
		}
		if blocks[name] != string(file) {
			t.Errorf("docs/clients.md and test/clients/genqlient/%s differ", name)
		}
		delete(blocks, name)
	}
	used := []string{
		"tsconfig.json", "settings.ts", "http.ts", "socket.ts", "newest.ts", "documents.ts", "schema.mjs",
		"apollo.ts", "apollo-chats.ts", "apollo-sidebar.tsx", "urql.ts", "urql-chats.ts", "urql-sidebar.tsx",
		"relay.config.json", "relay.ts", "relay-documents.ts", "relay-chats.ts", "relay-sidebar.tsx",
		"store.ts", "plain.ts", "posted.ts", "stream.ts",
	}
	for _, name := range used {
		if blocks[name] == "" {
			t.Errorf("docs/clients.md has no block %s", name)
		}
		delete(blocks, name)
	}
	for name := range blocks {
		t.Errorf("docs/clients.md shows %s, which no test runs", name)
	}
}

// TestGlueIsShort counts the lines that keep the list of chats current by the feed, and compares the page with the
// numbers.
func TestGlueIsShort(t *testing.T) {
	t.Parallel()
	const most = 20
	text, err := os.ReadFile("../../docs/clients.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := page()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"apollo-chats.ts", "urql-chats.ts", "relay-chats.ts"} {
		lines := len(regexp.MustCompile(`(?m)^.*\S.*$`).FindAllString(blocks[name], -1))
		if lines == 0 || lines > most {
			t.Errorf("%s has %d lines, want at most %d", name, lines, most)
		}
		if row := fmt.Sprintf("| `%s` | %d |", name, lines); !strings.Contains(string(text), row) {
			t.Errorf("docs/clients.md does not say %q", row)
		}
		t.Logf("%s: %d lines", name, lines)
	}
}
