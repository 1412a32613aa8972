package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
)

// page is what docs/clients.md shows: the contents of its blocks by their file names.
func page() (map[string]string, error) {
	text, err := os.ReadFile("../docs/clients.md")
	if err != nil {
		return nil, err
	}
	blocks := map[string]string{}
	for _, block := range regexp.MustCompile("(?ms)^```[a-z]+ file=(\\S+)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks[block[1]] = block[2]
	}
	return blocks, nil
}

// ours takes the place of the one file that the page leaves to its reader.
const ours = `export const server = process.env.SERVER
export const getToken = async () => (await fetch(process.env.TOKENS)).text()
`

// examples writes the page's files where they can run, Relay's compiled, and returns the directory. In "overSSE"
// below it, stream.js has taken the place of socket.js.
var examples = sync.OnceValues(func() (string, error) {
	files, err := page()
	if err != nil {
		return "", err
	}
	schema, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		return "", err
	}
	delete(files, "operations.graphql") // genqlient's: Relay would take it for its own
	files["settings.js"] = ours
	files["schema.graphql"] = string(schema)
	files["package.json"] = `{"type": "module"}`
	dir := filepath.Join(built, "examples")
	if err := writeExamples(dir, files); err != nil {
		return "", err
	}
	for _, script := range []string{"node_modules/relay-compiler/cli.js", "node/compile-relay.mjs"} {
		cmd := exec.Command("node", fromHere(script))
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("%s: %w\n%s", script, err, out)
		}
	}
	files["socket.js"] = `export * from './stream.js'`
	return dir, writeExamples(filepath.Join(dir, "overSSE"), files)
})

func writeExamples(dir string, files map[string]string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return os.Symlink(fromHere("node_modules"), filepath.Join(dir, "node_modules"))
}

// fromHere makes a path absolute, for programs that run elsewhere.
func fromHere(path string) string {
	absolute, err := filepath.Abs(path)
	if err != nil {
		panic(err) // there is no working directory
	}
	return absolute
}

// exampleDir is a directory with the examples that is the test's own.
func exampleDir(t *testing.T) string {
	t.Helper()
	needNode(t)
	dir, err := examples()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestPageShowsTheGoFiles compares: the example in Go is compiled where it stands, not from the page.
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
			t.Errorf("docs/clients.md and clients/genqlient/%s differ", name)
		}
		delete(blocks, name)
	}
	used := []string{"http.js", "socket.js", "apollo.js", "urql.js", "relay.config.json", "relay.js", "plain.js", "stream.js"}
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
