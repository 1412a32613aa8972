package torture

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// binary builds the server once and returns where it is.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "torture-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "studychat")
	if out, err := exec.Command("go", "build", "-o", path, "..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func removeBinary() {
	if *scaleFlag == "" {
		return
	}
	if path, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
}

// leash runs the server until its own standard input ends: also when this process dies, the server goes with it.
const leash = `"$@" </dev/null & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; wait 2>/dev/null`

// instance is a server process, or its place while it is down.
type instance struct {
	t        testing.TB
	settings []string
	url      atomic.Value // string; of the newest start, since each listens on a port of its own
	alarming atomic.Int64 // lines of the log that say ERROR
	heap     atomic.Int64 // MB that the newest garbage collection left alive, where GODEBUG=gctrace=1 is set

	pid   int // 0 while it is down
	cmd   *exec.Cmd
	leash io.Closer
	logs  sync.WaitGroup
}

// start starts the process and waits until it listens.
func (i *instance) start() {
	i.t.Helper()
	path, err := binary()
	if err != nil {
		i.t.Fatal(err)
	}
	i.cmd = exec.Command("/bin/sh", "-c", leash, "leash", path)
	i.cmd.Env = append([]string{"ADDR=127.0.0.1:0", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, i.settings...)
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // Ctrl-C is for us
	stdin, err1 := i.cmd.StdinPipe()
	stdout, err2 := i.cmd.StdoutPipe()
	stderr, err3 := i.cmd.StderrPipe()
	if err1 != nil || err2 != nil || err3 != nil {
		i.t.Fatal(err1, err2, err3)
	}
	if err := i.cmd.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.leash = stdin
	listening := make(chan string, 1)
	i.logs.Go(func() { i.read(stderr, listening) })
	if _, err := fmt.Fscan(stdout, &i.pid); err != nil {
		i.t.Fatal(err)
	}
	select {
	case addr := <-listening:
		i.url.Store("http://" + addr)
	case <-time.After(30 * time.Second):
		i.t.Fatal("the server does not listen after 30 s")
	}
}

// read goes through the log.
func (i *instance) read(log io.Reader, listening chan<- string) {
	for lines := bufio.NewScanner(log); lines.Scan(); {
		if live, ok := liveHeap(lines.Text()); ok {
			i.heap.Store(live)
			continue
		}
		var line struct{ Level, Msg, Addr string }
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			i.t.Logf("not JSON: %s", lines.Text()) // a panic
			i.alarming.Add(1)
			continue
		}
		if line.Msg == "listening" {
			listening <- line.Addr
		}
		if line.Level == "ERROR" {
			i.alarming.Add(1)
		}
		if line.Level != "INFO" || strings.Contains(line.Msg, "Redis") {
			i.t.Log(lines.Text())
		}
	}
}

// kill ends the process with SIGKILL and returns when it is gone.
func (i *instance) kill() {
	i.t.Helper()
	if i.pid == 0 {
		return
	}
	if err := syscall.Kill(i.pid, syscall.SIGKILL); err != nil {
		i.t.Errorf("kill a server: %v (it had ended by itself)", err)
	}
	i.pid = 0
	_ = i.leash.Close()
	i.logs.Wait()
	_ = i.cmd.Wait() // says how the shell ended
}

func (i *instance) address() string { return i.url.Load().(string) }

// redisState asks for what /readyz says of Redis: "ok" or "degraded".
func (i *instance) redisState(client *http.Client) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.address()+"/readyz", nil)
	if err != nil {
		return err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err.Error()
	case strings.Contains(string(text), `"redis":"ok"`):
		return "ok"
	case strings.Contains(string(text), `"redis":"degraded"`):
		return "degraded"
	}
	return string(text)
}
