//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The server has one core and this process, the client, another. With a single core they share it.
const (
	serverCore = 0
	clientCore = 1
)

// leash runs a command until its own standard input ends, so that the command ends even when this process is killed.
const leash = `"$@" </dev/null & echo $!; cat >/dev/null; kill -9 $! 2>/dev/null; wait 2>/dev/null`

// process is a server that runs.
type process struct {
	name string
	addr string // host:port
	pid  int
	log  string // file

	also []*process // further instances that take their part of the load

	cmd   *exec.Cmd
	leash io.Closer
}

// start starts a command on the server's core, and waits until it accepts connections. It ends with the test.
func start(t testing.TB, name, addr string, env []string, command ...string) *process {
	t.Helper()
	p := launch(t, name, env, command...)
	p.addr = addr
	deadline := time.Now().Add(30 * time.Second)
	for {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
			return p
		}
		if time.Now().After(deadline) || !p.alive() {
			text, _ := os.ReadFile(p.log)
			t.Fatalf("%s does not listen: %v\n%s", name, err, text[max(0, len(text)-4096):])
		}
		pause(20 * time.Millisecond)
	}
}

func launch(t testing.TB, name string, env []string, command ...string) *process {
	t.Helper()
	p := &process{name: name, log: filepath.Join(t.TempDir(), "log")}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	p.cmd = exec.Command("/bin/sh", append([]string{"-c", leash, "leash"}, command...)...)
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // keeps Ctrl-C from it
	p.cmd.Stderr = log
	stdin, err1 := p.cmd.StdinPipe()
	stdout, err2 := p.cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := onCores([]int{serverCore}, p.cmd.Start); err != nil {
		t.Fatal(err)
	}
	p.leash = stdin
	lines := bufio.NewReader(stdout)
	if _, err := fmt.Fscan(lines, &p.pid); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // until the process ends
	t.Cleanup(func() { p.stop(); p.complaints(t) })
	return p
}

// complaints shows what a server warned of: under a load from elsewhere it may have lost Redis for a while, and then its figures are those of
// a server without a cache.
func (p *process) complaints(t testing.TB) {
	text, _ := os.ReadFile(p.log)
	found := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"level":"WARN"`) || strings.Contains(line, `"level":"ERROR"`) {
			if found++; found <= 3 {
				t.Logf("%s: %.300s", p.name, line)
			}
		}
	}
	if found > 3 {
		t.Logf("%s: and %d lines more", p.name, found-3)
	}
}

// onCores calls work so that the processes which it starts have those cores alone: a child has the affinity of the thread that made it.
func onCores(cores []int, work func() error) error {
	var before, wanted unix.CPUSet
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	for _, core := range cores {
		wanted.Set(core)
	}
	if err := unix.SchedSetaffinity(0, &wanted); err != nil {
		return work() // a machine without those cores
	}
	defer func() { _ = unix.SchedSetaffinity(0, &before) }()
	return work()
}

// allCores are those of this machine, for what is not to be pinned.
func allCores() (cores []int) {
	for core := range runtime.NumCPU() {
		cores = append(cores, core)
	}
	return cores
}

// pinClient moves all threads of this process to the client's core; those that start later inherit it.
func pinClient(t testing.TB) {
	t.Helper()
	if runtime.NumCPU() < 2 {
		t.Log("one core: server and client share it")
		return
	}
	var one unix.CPUSet
	one.Set(clientCore)
	tasks, err := filepath.Glob("/proc/self/task/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if id, err := strconv.Atoi(filepath.Base(task)); err == nil {
			_ = unix.SchedSetaffinity(id, &one) // one that has ended needs none
		}
	}
}

// stop ends the process. It may be called more than once.
func (p *process) stop() {
	for _, other := range p.also {
		other.stop()
	}
	if p.leash == nil {
		return
	}
	_ = p.leash.Close()
	p.leash = nil
	_ = p.cmd.Wait() // the shell's exit status
}

func (p *process) alive() bool { return syscall.Kill(p.pid, 0) == nil }

// cpu is how long the instances have run on a core, user and system time.
func (p *process) cpu() time.Duration {
	sum := cpuOf(p.pid)
	for _, other := range p.also {
		sum += other.cpu()
	}
	return sum
}

// address is that of the instance which the n-th client uses.
func (p *process) address(n int) string {
	if n %= len(p.also) + 1; n > 0 {
		return p.also[n-1].addr
	}
	return p.addr
}

// cpuOf is 0 for a process that has ended.
func cpuOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond // USER_HZ is 100 on every Linux
}

// rss is the memory of the instances that lies in RAM, in bytes.
func (p *process) rss() int64 {
	sum := kilobytes(fmt.Sprintf("/proc/%d/status", p.pid), "VmRSS:")
	for _, other := range p.also {
		sum += other.rss()
	}
	return sum
}

// slab is the memory of the kernel's own objects, sockets among them, in bytes. Both ends of a connection are on this machine.
func slab() int64 { return kilobytes("/proc/meminfo", "Slab:") }

// writes is how often the instances have written to a file or a socket.
func (p *process) writes() int64 {
	sum := field(fmt.Sprintf("/proc/%d/io", p.pid), "syscw:")
	for _, other := range p.also {
		sum += other.writes()
	}
	return sum
}

func kilobytes(file, name string) int64 { return field(file, name) << 10 }

// field is a number in one of the kernel's tables of names and numbers.
func field(file, name string) int64 {
	text, _ := os.ReadFile(file)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			n, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return n
		}
	}
	return 0
}

// socketMemory is what the kernel has reserved for the buffers of TCP sockets, in bytes.
func socketMemory() int64 {
	text, _ := os.ReadFile("/proc/net/sockstat")
	_, after, _ := strings.Cut(string(text), "TCP:")
	_, after, _ = strings.Cut(after, " mem ")
	pages, _ := strconv.ParseInt(strings.Fields(after + " 0")[0], 10, 64)
	return pages * int64(os.Getpagesize())
}

func pause(d time.Duration) { <-time.After(d) }

// must runs a command to its end.
func must(t testing.TB, dir string, command ...string) {
	t.Helper()
	if out, err := run(t.Context(), dir, command...); err != nil {
		t.Fatalf("%v: %v\n%s", command, err, out)
	}
}

func run(ctx context.Context, dir string, command ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

// raiseFileLimit lets this process and its children have as many sockets as the machine allows.
func raiseFileLimit(t testing.TB) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = limit.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
}
