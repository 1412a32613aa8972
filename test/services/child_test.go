package services

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// startAndHang is set in the process that TestChildrenEndWithTheirParent starts and kills.
const startAndHang = "TESTSERVICES_START_AND_HANG"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestHelperProcess is not a test: it starts services, prints "pid dir" of each, and waits to be killed.
func TestHelperProcess(t *testing.T) {
	if os.Getenv(startAndHang) == "" {
		return // a normal run has nothing to do here
	}
	r := NewRedisServer(t)
	p := NewPostgresServer(t)
	cluster, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	r.Pause() // stopped services are the harder case, see startChild
	p.Stop()
	fmt.Println("started", r.running.pid, r.dir)
	fmt.Println("started", p.cluster.running.pid, p.cluster.dir)
	fmt.Println("started", cluster.running.pid, cluster.dir)
	<-t.Context().Done() // never
}

func TestChildrenEndWithTheirParent(t *testing.T) {
	t.Parallel()
	for _, find := range []func() (string, error){FindRedis, FindPostgres} {
		if _, err := find(); err != nil {
			Missing(t, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	parent := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestHelperProcess$", "-test.v")
	parent.Env = append(os.Environ(), startAndHang+"=yes")
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pids, dirs := readStarted(t, out, 3)
	for _, pid := range pids {
		backends, err := childrenOf(pid)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, backends...)
	}
	if errIfAlive(pids) == nil || len(pids) < 6 {
		t.Fatalf("the check cannot fail: it sees none of %v running", pids)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // "signal: killed"
	if err := poll(ctx, func(context.Context) error { return gone(pids, dirs) }); err != nil {
		t.Error(err)
	}
}

func gone(pids []int, dirs []string) error {
	for _, dir := range dirs {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			return fmt.Errorf("%s is still there", dir)
		}
	}
	return errIfAlive(pids)
}

// readStarted reads n lines "started pid dir" and skips the helper's other output.
func readStarted(t *testing.T, out io.Reader, n int) (pids []int, dirs []string) {
	t.Helper()
	lines := bufio.NewScanner(out)
	for len(pids) < n && lines.Scan() {
		var pid int
		var dir string
		if _, err := fmt.Sscanf(lines.Text(), "started %d %s", &pid, &dir); err == nil {
			pids, dirs = append(pids, pid), append(dirs, dir)
		}
	}
	if len(pids) < n {
		t.Fatalf("the helper process started %d services of %d: %v", len(pids), n, lines.Err())
	}
	return pids, dirs
}
