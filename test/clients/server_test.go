package clients

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"studychat/test/services"
)

// leash runs the server until it ends, or until standard input ends, so that the server ends even when this process is
// killed.
const leash = `exec 3<&0
"$@" </dev/null 3<&- & pid=$!
echo $pid
(cat <&3; kill -9 $pid) >/dev/null 2>&1 &
exec 3<&- >/dev/null
wait $pid`

// server is the real program on its own port, or the place of one that is down.
type server struct {
	t    *testing.T
	env  []string
	url  string // http://127.0.0.1:port, the same after each start
	pid  int    // 0 while it is down
	cmd  *exec.Cmd
	hold io.Closer
	logs sync.WaitGroup

	clients []string // settings for the clients, "NAME=value" each
}

// start starts a server that requires tokens, on the test's own database. Each setting is "NAME=value".
func start(t *testing.T, settings ...string) *server {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", services.Port(t))
	s := &server{t: t, url: "http://" + addr, env: append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "ADDR=" + addr,
		"DATABASE_URL=sqlite:" + t.TempDir() + "/chat.db",
		"JWT_SECRET=" + secret, "JWT_ISSUER=" + issuer, "JWT_AUDIENCE=" + audience,
		"INTROSPECTION=on", // some of the audits ask for __type
	}, settings...)}
	s.up()
	t.Cleanup(s.kill)
	return s
}

// elsewhere runs happens with another server of the same database, on another port.
func (s *server) elsewhere(happens func(other *server)) {
	s.t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", services.Port(s.t))
	other := &server{t: s.t, url: "http://" + addr, env: append(slices.Clone(s.env), "ADDR="+addr)}
	other.up()
	defer other.stop()
	happens(other)
}

// up starts the process and waits until it listens.
func (s *server) up() {
	s.t.Helper()
	path, err := binary()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command("/bin/sh", "-c", leash, "leash", path)
	s.cmd.Env = s.env
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // keeps Ctrl-C from the server
	stdin, err1 := s.cmd.StdinPipe()
	stdout, err2 := s.cmd.StdoutPipe()
	stderr, err3 := s.cmd.StderrPipe()
	if err1 != nil || err2 != nil || err3 != nil {
		s.t.Fatal(err1, err2, err3)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.hold = stdin
	listening := make(chan struct{}, 1)
	s.logs.Go(func() { s.read(stderr, listening) })
	if _, err := fmt.Fscan(stdout, &s.pid); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-listening:
	case <-time.After(waitLong):
		s.t.Fatalf("the server does not listen after %s", waitLong)
	}
}

// read parses the log and omits lines below a warning.
func (s *server) read(log io.Reader, listening chan<- struct{}) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if strings.Contains(lines.Text(), `"msg":"listening"`) {
			listening <- struct{}{}
		}
		if text := lines.Text(); !strings.Contains(text, `"level":"INFO"`) && text != "Killed" { // the shell prints that
			s.t.Log(lines.Text())
		}
	}
}

// kill ends the process like a crash.
func (s *server) kill() { _ = s.end(syscall.SIGKILL) }

// stop ends the process like a deployment and requires a clean exit.
func (s *server) stop() {
	s.t.Helper()
	if err := s.end(syscall.SIGTERM); err != nil {
		s.t.Errorf("the server's end: %v", err)
	}
}

// end returns when the process has ended. The server promises to stop within 20 s.
func (s *server) end(signal syscall.Signal) error {
	if s.pid == 0 {
		return nil
	}
	pid := s.pid
	s.pid = 0
	slow := time.AfterFunc(waitLong, func() { _ = syscall.Kill(pid, syscall.SIGKILL) })
	defer slow.Stop()
	sent := syscall.Kill(pid, signal)
	s.logs.Wait()
	err := s.cmd.Wait()
	_ = s.hold.Close()
	if sent != nil {
		return sent
	}
	return err
}

type vars map[string]any

// ask runs an operation as a user. It returns an error for anything other than data.
func (s *server) ask(user, document string, v vars, into any) error {
	body, _ := json.Marshal(map[string]any{"query": document, "variables": v})
	ctx, cancel := context.WithTimeout(context.Background(), waitLong)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+sign(user, time.Hour))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer := struct {
		Data   any               `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}{Data: into}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return fmt.Errorf("status %d: %w", response.StatusCode, err)
	}
	if len(answer.Errors) > 0 {
		return fmt.Errorf("status %d: %s", response.StatusCode, answer.Errors[0])
	}
	return nil
}

// newChat creates a chat and returns its id and the cursor to follow it from.
func (s *server) newChat(user string) (id, cursor string) {
	s.t.Helper()
	return s.newTitled(user, "A chat")
}

func (s *server) newTitled(user, title string) (id, cursor string) {
	s.t.Helper()
	var a struct {
		CreateChat struct {
			Chat struct{ ID, EventCursor string }
		}
	}
	err := s.ask(user, `mutation ($title: String!) { createChat(input: {title: $title}) { chat { id eventCursor } } }`,
		vars{"title": title}, &a)
	if err != nil {
		s.t.Fatal(err)
	}
	return a.CreateChat.Chat.ID, a.CreateChat.Chat.EventCursor
}

// send sends a message until it is acknowledged. The id makes retries safe, even while the server is down.
func (s *server) send(user, chat, id, content string) error {
	deadline := time.After(waitLong)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.ask(user, `mutation ($id: ID, $chat: ID!, $content: String!) {
			sendMessage(input: {id: $id, chatId: $chat, content: $content}) { message { id } } }`,
			vars{"id": id, "chat": chat, "content": content}, nil)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("message %q: %w", content, err)
		}
	}
}
