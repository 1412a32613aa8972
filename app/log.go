package app

import (
	"io"
	"log/slog"
	"os"
)

// newLogger writes JSON, or plain text when a person watches.
func newLogger(w io.Writer, level slog.Leveler) *slog.Logger {
	return slog.New(newHandler(w, isTerminal(w), level))
}

func newHandler(w io.Writer, terminal bool, level slog.Leveler) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if terminal {
		return slog.NewTextHandler(w, options)
	}
	return slog.NewJSONHandler(w, options)
}

func isTerminal(w io.Writer) bool {
	if queued, ok := w.(*logWriter); ok {
		w = queued.out
	}
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
