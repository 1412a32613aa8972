package app

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes this test binary run main instead of its tests.
const asProgram = "TEST_RUNS_THE_PROGRAM"

// TestLogReaderGoesAway checks that the program continues and answers while the reader of its standard error pauses,
// ends and is replaced. Then the program reports the number of lost lines.
func TestLogReaderGoesAway(t *testing.T) {
	t.Parallel()
	fifo := filepath.Join(t.TempDir(), "stderr")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	reader := openPipe(t, fifo, os.O_RDONLY)
	i, program := startProgram(t, fifo, bufio.NewScanner(reader))

	// The reader pauses: the pipe is full.
	filler := openPipe(t, fifo, os.O_WRONLY)
	fill(t, filler)
	chat, _ := i.newChat()
	for range 20 {
		i.message(chat, "nobody reads the log")
	}

	// The reader ends.
	_ = reader.Close()
	for range 20 {
		i.message(chat, "nobody can read the log")
	}

	// Another reader starts.
	lost := make(chan float64, 1)
	reader = openPipe(t, fifo, os.O_RDONLY)
	_ = filler.Close()
	go func() {
		defer close(lost)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil && strings.HasPrefix(line["msg"].(string), "log lines were lost") {
				lost <- line["lines"].(float64)
				return
			}
		}
	}()
	i.message(chat, "the log is read again")
	if n := <-lost; n < 1 {
		t.Errorf("%g lines were lost", n)
	}
	_ = reader.Close()
	if err := program.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := program.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// openPipe opens a FIFO without waiting for the other side. Reads end with the test at the latest.
func openPipe(t *testing.T, path string, flag int) *os.File {
	t.Helper()
	file, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// fill writes to a pipe until it is full.
func fill(t *testing.T, pipe *os.File) {
	t.Helper()
	raw, err := pipe.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range []int{4096, 1} { // a whole page each; single bytes fill the rest
		for full := false; !full; {
			err = raw.Write(func(fd uintptr) bool {
				_, errWrite := syscall.Write(int(fd), bytes.Repeat([]byte("\n"), piece))
				full = errors.Is(errWrite, syscall.EAGAIN)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// startProgram starts the program as its own process and waits until it listens.
func startProgram(t *testing.T, stderr string, log *bufio.Scanner) (*instance, *exec.Cmd) {
	t.Helper()
	file, err := os.OpenFile(stderr, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = []string{asProgram + "=1", "ADDR=127.0.0.1:0", "LOG_LEVEL=debug", "DATABASE_URL=sqlite:" + t.TempDir() + "/chat.db"}
	program.Stderr = file
	program.WaitDelay = time.Second
	if err := program.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = program.Process.Kill() })
	i := &instance{t: t}
	for i.url == "" && log.Scan() {
		var line map[string]any
		if json.Unmarshal(log.Bytes(), &line) == nil && line["msg"] == "listening" {
			i.url = "http://" + line["addr"].(string)
		}
	}
	if i.url == "" {
		t.Fatalf("it did not start: %v", log.Err())
	}
	return i, program
}
