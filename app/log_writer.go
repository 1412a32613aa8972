package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Bounds of a logWriter.
const (
	logQueueBytes   = 1 << 20                // lines that wait for a reader that is slow or has stopped
	logFlushTimeout = 500 * time.Millisecond // for the last lines, at the end of the process
)

// logWriter passes log lines on to a writer in its own goroutine, so that no request waits for the reader of the log: a pipe
// whose reader has stopped blocks a write for ever, and a file's deadline does not end it (Go supports deadlines only for
// pipes in non-blocking mode, and standard error shares its mode with other processes). Lines that do not fit into
// the queue, or that the writer refuses, are lost and counted. The count is written as a line of its own where they are
// missing, as soon as writing works.
//
// The price is that a process that crashes loses the lines of its last moment. A crash report of Go itself is
// written past this queue.
type logWriter struct {
	out  io.Writer
	done chan struct{} // closed when the last line is written

	mu      sync.Mutex
	wake    chan struct{} // has room for one
	queue   []logLine
	size    int // bytes in queue
	dropped int // lines that did not fit since the last one that did
	closed  bool
}

// logLine is one line, or what is left of several.
type logLine struct {
	text []byte
	lost int // lines that are missing before it
}

// newLogWriter starts the goroutine, which Close ends.
func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.run()
	return w
}

// Write never blocks and never fails. It gets whole lines: slog and the log package write that way.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || w.size+len(p) > logQueueBytes {
		w.dropped++
		return len(p), nil
	}
	w.queue = append(w.queue, logLine{text: bytes.Clone(p), lost: w.dropped})
	w.size += len(p)
	w.dropped = 0
	w.signal()
	return len(p), nil
}

// Close writes what waits, and gives up after timeout: the reader may never come back.
func (w *logWriter) Close(timeout time.Duration) {
	w.mu.Lock()
	w.closed = true
	w.signal()
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	select {
	case <-w.done:
	case <-ctx.Done():
	}
}

func (w *logWriter) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *logWriter) run() {
	defer close(w.done)
	lost := 0
	for {
		line, ok, last := w.next()
		switch {
		case last && line.lost+lost > 0:
			w.put(logLine{lost: line.lost + lost})
			return
		case last:
			return
		case !ok:
			<-w.wake
		default:
			line.lost += lost
			lost = w.put(line)
		}
	}
}

// next takes the first line out of the queue. last says that there will be no other; its lost counts what was dropped since.
func (w *logWriter) next() (line logLine, ok, last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		return logLine{lost: w.dropped}, false, w.closed
	}
	line = w.queue[0]
	w.queue = w.queue[1:]
	w.size -= len(line.text)
	return line, true, false
}

// put writes a line, and before it how many are missing. It returns how many are still to be reported.
func (w *logWriter) put(line logLine) (lost int) {
	if line.lost > 0 {
		if _, err := w.out.Write(lostLines(line.lost, isTerminal(w.out))); err != nil {
			return line.lost + min(len(line.text), 1)
		}
	}
	if len(line.text) > 0 {
		if _, err := w.out.Write(line.text); err != nil {
			return 1
		}
	}
	return 0
}

// lostLines is the line that says how many others were lost.
func lostLines(n int, terminal bool) []byte {
	var buffer bytes.Buffer
	slog.New(newHandler(&buffer, terminal, slog.LevelInfo)).Warn("log lines were lost: standard error could not be written", "lines", n)
	return buffer.Bytes()
}
