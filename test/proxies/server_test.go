package proxies

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// waitLong bounds every wait.
const waitLong = time.Minute

const secret = "a secret of at least thirty-two bytes"

// token is one of the user's own, for an hour.
func token(t testing.TB, user string) string {
	t.Helper()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"iss": "test", "aud": "studychat", "sub": user, "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// build builds the server once for all tests.
var build = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "test-studychat-")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "studychat")
	command := exec.Command("go", "build", "-buildvcs=false", "-o", binary, ".")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return binary, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if *wanted {
		if binary, err := build(); err == nil {
			_ = os.RemoveAll(filepath.Dir(binary))
		}
	}
	os.Exit(status)
}

// server is an instance, on an address that it keeps.
type server struct {
	t        *testing.T
	addr     string
	settings []string
	cmd      *exec.Cmd
	ended    chan struct{}
}

// newServer starts an instance; it ends with the test.
func newServer(t *testing.T, port int, settings ...string) *server {
	t.Helper()
	s := &server{t: t, addr: net.JoinHostPort("127.0.0.1", fmt.Sprint(port)), settings: settings}
	s.start()
	t.Cleanup(s.stop)
	return s
}

func (s *server) start() {
	s.t.Helper()
	binary, err := build()
	if err != nil {
		s.t.Fatal(err)
	}
	s.cmd = exec.Command(binary)
	s.cmd.Env = append(append(os.Environ(), "ADDR="+s.addr, "LOG_FORMAT=json", "JWT_SECRET="+secret, "JWT_ISSUER=test", "JWT_AUDIENCE=studychat",
		"TRUSTED_PROXIES=127.0.0.1", "MUTATION_RATE=0", "ADDRESS_MUTATION_RATE=0"), s.settings...)
	out, err := s.cmd.StderrPipe()
	if err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	listening := make(chan struct{})
	s.ended = make(chan struct{})
	go func() {
		defer close(s.ended)
		var said bytes.Buffer
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said.Write(append(lines.Bytes(), '\n'))
			if bytes.Contains(lines.Bytes(), []byte(`"msg":"listening"`)) {
				close(listening)
			}
		}
		if err := s.cmd.Wait(); err != nil {
			fmt.Fprintf(s.t.Output(), "the instance ended: %v\n%s", err, said.Bytes())
		}
	}()
	select {
	case <-listening:
	case <-s.ended:
		s.t.Fatal("the instance did not start")
	case <-time.After(waitLong):
		s.t.Fatal("the instance did not start in time")
	}
}

// stop is what a rollout does.
func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.ended:
	case <-time.After(waitLong):
		_ = s.cmd.Process.Kill()
		<-s.ended
	}
}

// answer is what an operation was answered.
type answer struct {
	Data   map[string]any
	Errors []struct{ Message string }
}

// ask runs an operation.
func ask(ctx context.Context, client *http.Client, url, token, document string, variables any) (a answer, err error) {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		return a, err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return a, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err == nil {
		err = json.Unmarshal(raw, &a)
	}
	if err == nil && len(a.Errors) > 0 {
		err = fmt.Errorf("answered: %s", raw)
	}
	return a, err
}
