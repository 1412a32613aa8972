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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// buildDirectory returns the directory of the server binaries, which removeBinaries deletes.
var buildDirectory = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "torture-") })

// plainBinary builds the server once and returns its path.
var plainBinary = sync.OnceValues(func() (string, error) {
	dir, err := buildDirectory()
	if err != nil {
		return "", err
	}
	return build(filepath.Join(dir, "studychat"))
})

// build builds the server at the path.
func build(path string, flags ...string) (string, error) {
	arguments := slices.Concat([]string{"build"}, flags, []string{"-o", path, "../.."})
	if out, err := exec.Command("go", arguments...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %v: %w\n%s", arguments, err, out)
	}
	return path, nil
}

func removeBinaries() {
	if *scaleFlag == "" {
		return
	}
	if dir, err := buildDirectory(); err == nil {
		_ = os.RemoveAll(dir)
	}
}

// leash runs the server until its own standard input ends, so that the server ends even when this process is killed.
const leash = `"$@" </dev/null & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; wait 2>/dev/null`

// instance is a server process, or the place of one that is down.
type instance struct {
	t        testing.TB
	settings []string
	clock    *clock       // nil means the machine's clock
	url      atomic.Value // string; of the newest start, because the port changes with each
	alarming atomic.Int64 // log lines of level ERROR
	heap     atomic.Int64 // MB of live heap after the newest garbage collection, if GODEBUG=gctrace=1 is set

	pid   int // 0 while it is down
	cmd   *exec.Cmd
	leash io.Closer
	logs  sync.WaitGroup
}

// start starts the process and waits until it listens.
func (i *instance) start() {
	i.t.Helper()
	built, settings := plainBinary, i.settings
	if i.clock != nil {
		built, settings = skewedBinary, append(slices.Clone(settings), "TORTURE_CLOCK="+i.clock.path)
	}
	path, err := built()
	if err != nil {
		i.t.Fatal(err)
	}
	i.cmd = exec.Command("/bin/sh", "-c", leash, "leash", path)
	i.cmd.Env = append([]string{"ADDR=127.0.0.1:0", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, settings...)
	i.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // keeps Ctrl-C from the server
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

// read parses the log.
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

// kill ends the process with SIGKILL and waits for its end.
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
	_ = i.cmd.Wait() // returns the shell's exit status
}

// stop freezes the process until resume: its connections stay open, and nothing answers.
func (i *instance) stop()   { i.t.Helper(); i.signal(syscall.SIGSTOP) }
func (i *instance) resume() { i.t.Helper(); i.signal(syscall.SIGCONT) }

func (i *instance) signal(signal syscall.Signal) {
	i.t.Helper()
	if err := syscall.Kill(i.pid, signal); err != nil {
		i.t.Fatalf("%v to a server: %v", signal, err)
	}
}

func (i *instance) address() string { return i.url.Load().(string) }

// redisState returns the state of Redis in /readyz: "ok" or "degraded".
func (i *instance) redisState(client *http.Client) string {
	_, text, err := i.readyz(client)
	switch {
	case err != nil:
		return err.Error()
	case strings.Contains(text, `"redis":"ok"`):
		return "ok"
	case strings.Contains(text, `"redis":"degraded"`):
		return "degraded"
	}
	return text
}

// readyz requests /readyz.
func (i *instance) readyz(client *http.Client) (status int, text string, err error) {
	response, err := i.get(client, "/readyz")
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	return response.StatusCode, string(raw), err
}

// date returns the current time of the process, to the second.
func (i *instance) date(client *http.Client) (time.Time, error) {
	response, err := i.get(client, "/livez")
	if err != nil {
		return time.Time{}, err
	}
	_ = response.Body.Close()
	return http.ParseTime(response.Header.Get("Date"))
}

// get requests a page, which must be read within 2 s.
func (i *instance) get(client *http.Client, path string) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, i.address()+path, nil)
	if err != nil {
		cancel()
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		cancel()
		return nil, err
	}
	response.Body = cancelling{response.Body, cancel}
	return response, nil
}

// cancelling is a body that cancels its context when closed.
type cancelling struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c cancelling) Close() error {
	defer c.cancel()
	return c.ReadCloser.Close()
}
