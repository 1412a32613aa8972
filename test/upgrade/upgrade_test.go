package upgrade

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"studychat/test/services"
)

var wanted = flag.Bool("upgrade", false, "build three versions of the server, and run them side by side")

// waitLong bounds every wait.
const waitLong = time.Minute

// The migrations of the two versions that follow this one.
var (
	expand = map[string]string{
		"9001_expand.tx.up.sql":   "-- Compatible with versions that know 0003.\nALTER TABLE chats ADD COLUMN IF NOT EXISTS colour text;\n",
		"9001_expand.tx.down.sql": "ALTER TABLE chats DROP COLUMN IF EXISTS colour;\n",
	}
	contract = map[string]string{
		"9002_contract.tx.up.sql":   "-- Compatible with versions that know 9001.\nDROP INDEX IF EXISTS modules_title;\n",
		"9002_contract.tx.down.sql": "CREATE INDEX IF NOT EXISTS modules_title ON modules (title, id);\n",
	}
)

// build builds the server with further migrations.
func build(t *testing.T, name string, migrations ...map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for _, files := range migrations {
		for file, text := range files {
			path := filepath.Join(dir, file)
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			overlay.Replace[filepath.Join(root, "migrations/postgres", file)] = path
		}
	}
	text, err := json.Marshal(overlay)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "overlay.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, name)
	command := exec.Command("go", "build", "-buildvcs=false", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return binary
}

// server is a running process.
type server struct {
	t   *testing.T
	url string
	log *bytes.Buffer // until it listened
	cmd *exec.Cmd
}

// start runs a server until the test ends. refused is what it said when it did not start.
func start(t *testing.T, binary, dsn string) (s *server, refused string) {
	t.Helper()
	cmd := exec.Command(binary)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+dsn, "ADDR=127.0.0.1:0")
	out, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(waitLong, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	s = &server{t: t, log: &bytes.Buffer{}, cmd: cmd}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		s.log.Write(append(lines.Bytes(), '\n'))
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			s.url = "http://" + line.Addr
			go func() { _, _ = io.Copy(io.Discard, out) }() // ends with the process
			t.Cleanup(s.stop)
			return s, ""
		}
	}
	_ = cmd.Wait()
	return nil, s.log.String()
}

func (s *server) stop() {
	if s.cmd.ProcessState == nil {
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		_ = s.cmd.Wait()
	}
}

func mustStart(t *testing.T, binary, dsn string) *server {
	t.Helper()
	s, refused := start(t, binary, dsn)
	if s == nil {
		t.Fatalf("%s did not start:\n%s", filepath.Base(binary), refused)
	}
	return s
}

// ask runs a document and returns the answer.
func (s *server) ask(document string) string {
	s.t.Helper()
	body, _ := json.Marshal(map[string]string{"query": document})
	ctx, cancel := context.WithTimeout(s.t.Context(), waitLong)
	defer cancel()
	request, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"errors"`)) {
		s.t.Fatalf("%s\nanswers %d %s, %v", document, response.StatusCode, answer, err)
	}
	return string(answer)
}

const chat = "0190f5fe-7c00-7a00-8000-000000000001"

// exchange sends a message through each server, and reads it through all.
func exchange(t *testing.T, round string, servers ...*server) {
	t.Helper()
	for i, from := range servers {
		text := fmt.Sprintf("%s %d", round, i)
		from.ask(fmt.Sprintf(`mutation { sendMessage(input: {chatId: %q, content: %q}) { message { id } } }`, chat, text))
		for _, to := range servers {
			if got := to.ask(fmt.Sprintf(`{ chat(id: %q) { lastMessage { content } } }`, chat)); !strings.Contains(got, text) {
				t.Errorf("after %q a server reads %s", text, got)
			}
		}
	}
}

// TestUpgrade takes a database from one version to the next and the one after it, with servers of two versions running all the time.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	if !*wanted {
		t.Skip("it builds the server three times: make upgrade")
	}
	dsn := services.Postgres(t)
	now, next, later := build(t, "now"), build(t, "next", expand), build(t, "later", expand, contract)

	first := mustStart(t, now, dsn)
	first.ask(fmt.Sprintf(`mutation { createChat(input: {id: %q, title: "Algebra"}) { chat { id } } }`, chat))
	second := mustStart(t, next, dsn) // expands
	exchange(t, "expanded", first, second)

	first.stop()
	rolledBack := mustStart(t, now, dsn)
	if said := rolledBack.log.String(); !strings.Contains(said, "WARN") || !strings.Contains(said, "9001_expand") {
		t.Errorf("the older version does not say that the database is newer:\n%s", said)
	}
	exchange(t, "rolled back", rolledBack, second)
	down := exec.Command(now, "migrate", "down", "--yes", strings.TrimPrefix(dsn[strings.LastIndex(dsn, "/"):strings.Index(dsn, "?")], "/"))
	down.Env = append(os.Environ(), "DATABASE_URL="+dsn)
	if out, err := down.CombinedOutput(); err == nil || !strings.Contains(string(out), "9001_expand") {
		t.Errorf("the older version reverts: %v\n%s", err, out)
	}
	exchange(t, "nothing reverted", rolledBack, second)

	rolledBack.stop()
	third := mustStart(t, later, dsn) // contracts
	exchange(t, "contracted", second, third)
	if s, refused := start(t, now, dsn); s != nil || !strings.Contains(refused, "9002_contract") {
		t.Errorf("a version that is two releases old started, or said %q", refused)
	}
	again := mustStart(t, next, dsn)
	exchange(t, "the version before starts", again, third)
}
