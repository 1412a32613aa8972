package app

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Limits of a logWriter.
const (
	logQueueBytes   = 1 << 20                // of lines waiting for a slow or stopped reader
	logFlushTimeout = 500 * time.Millisecond // for the last lines when the process ends
)

// logWriter writes log lines from a goroutine of its own, so that no request waits for the reader of the log: a pipe whose
// reader has stopped blocks a write for ever, and a deadline does not end it (Go supports deadlines only for pipes in
// non-blocking mode, and standard error shares its mode with other processes). It drops and counts lines that do not fit into
// the queue or that the writer rejects. Once writing works again, a line says how many lines are missing at that place.
//
// The price: a process that crashes loses its last lines. Crash reports of Go itself bypass this queue.
type logWriter struct {
	out  io.Writer
	done chan struct{} // closed when the last line is written

	mu      sync.Mutex
	wake    chan struct{} // capacity 1
	queue   []logLine
	size    int // bytes in queue
	dropped int // lines dropped since the last one that was queued
	closed  bool
}

// logLine is one line, and how many were dropped before it.
type logLine struct {
	text []byte
	lost int // lines dropped before it
}

// newLogWriter starts the goroutine; Close ends it.
func newLogWriter(out io.Writer) *logWriter {
	w := &logWriter{out: out, done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.run()
	return w
}

// Write never blocks and never fails. Each call must hold whole lines, as calls of slog and log do.
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

// Close writes the queued lines. It gives up after timeout, since the reader may never return.
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

// next removes the first line from the queue. last reports that no other will follow; then lost counts the lines dropped since.
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

// put writes a line, preceded by the number of missing ones. It returns how many are still unreported.
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

// lostLines returns the line that says how many others were lost.
func lostLines(n int, terminal bool) []byte {
	var buffer bytes.Buffer
	slog.New(newHandler(&buffer, terminal, slog.LevelInfo)).Warn("log lines were lost: standard error could not be written", "lines", n)
	return buffer.Bytes()
}
