package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipe simulates standard error: it can fail, as when its reader has ended, and block, as when its reader pauses.
type pipe struct {
	mu     sync.Mutex
	lines  []string
	fails  bool
	closed chan struct{} // nil: writes pass; otherwise they wait until it is closed
}

func (p *pipe) Write(line []byte) (int, error) {
	p.mu.Lock()
	fails, closed := p.fails, p.closed
	p.mu.Unlock()
	if closed != nil {
		<-closed
	}
	if fails {
		return 0, errors.New("broken pipe")
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, strings.TrimSpace(string(line)))
	return len(line), nil
}

func (p *pipe) set(fails bool, closed chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fails, p.closed = fails, closed
}

// got returns what was written, with the report of lost lines as "lost n".
func (p *pipe) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	lines := slices.Clone(p.lines)
	for i, line := range lines {
		if _, n, ok := strings.Cut(line, `"lines":`); ok {
			lines[i] = "lost " + strings.TrimSuffix(n, "}")
		}
	}
	return lines
}

func TestLogWriterCountsWhatIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := new(pipe)
		w := newLogWriter(p)
		say := func(line string) {
			fmt.Fprintln(w, line)
			synctest.Wait()
		}
		say("one")
		p.set(true, nil)
		say("two")
		say("three")
		p.set(false, nil)
		say("four")
		p.set(true, nil)
		say("five")
		p.set(false, nil)
		w.Close(time.Second)
		if got := p.got(); !slices.Equal(got, []string{"one", "lost 2", "four", "lost 1"}) {
			t.Errorf("got %q", got)
		}
	})
}

func TestLogWriterNeverBlocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		p := &pipe{closed: closed}
		w := newLogWriter(p)
		line := bytes.Repeat([]byte("x"), logQueueBytes/4)
		for range 7 { // one is being written and four wait
			if n, err := w.Write(line); n != len(line) || err != nil {
				t.Fatal(n, err)
			}
			synctest.Wait()
		}
		p.set(false, nil)
		close(closed)
		synctest.Wait()
		fmt.Fprintln(w, "later")
		w.Close(time.Second)
		got := p.got()
		if len(got) != 7 || !slices.Equal(got[5:], []string{"lost 2", "later"}) {
			t.Errorf("got %d lines: %.20q", len(got), got)
		}
	})
}

func TestLogWriterGivesUpAtTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		p := &pipe{closed: closed}
		w := newLogWriter(p)
		fmt.Fprintln(w, "one")
		before := time.Now()
		w.Close(time.Second)
		if waited := time.Since(before); waited != time.Second {
			t.Errorf("waited %s", waited)
		}
		fmt.Fprintln(w, "after the end")
		close(closed)
	})
}

// TestLogFormatIsASetting: to a writer that is not a terminal.
func TestLogFormatIsASetting(t *testing.T) {
	t.Parallel()
	for format, begins := range map[string]string{"json": `{"time":`, "auto": `{"time":`, "text": "time="} {
		var out strings.Builder
		newLogger(&out, format, slog.LevelInfo).Info("said")
		if !strings.HasPrefix(out.String(), begins) {
			t.Errorf("%s: %s", format, out.String())
		}
	}
}
