package app

import (
	"io"
	"log/slog"
	"os"
)

// newLogger writes in the format of LOG_FORMAT: auto is JSON, or plain text when a person watches.
func newLogger(w io.Writer, format string, level slog.Leveler) *slog.Logger {
	return slog.New(newHandler(w, format == "text" || format == "auto" && isTerminal(w), level))
}

func newHandler(w io.Writer, text bool, level slog.Leveler) slog.Handler {
	options := &slog.HandlerOptions{Level: level}
	if text {
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
