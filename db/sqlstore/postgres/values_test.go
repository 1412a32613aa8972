package postgres

import (
	"testing"
	"time"
)

func TestScanQuickly(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 1, 9, 30, 0, 120_000_000, time.UTC)
	for _, text := range []string{"2026-03-01 09:30:00.12+00", "2026-03-01 15:15:00.12+05:45", "2026-03-01 04:30:00.12-05"} {
		var at time.Time
		var optional *time.Time
		if !scanQuickly([]byte(text), &at) || at != want || !scanQuickly([]byte(text), &optional) || *optional != want {
			t.Errorf("%s: %v, %v", text, at, optional)
		}
	}
	var text string
	var optional *string
	if !scanQuickly([]byte("é"), &text) || text != "é" || !scanQuickly(nil, &optional) || *optional != "" {
		t.Errorf("%q, %v", text, optional)
	}
	var n int64
	if !scanQuickly([]byte("-7"), &n) || n != -7 {
		t.Errorf("%d", n)
	}
	var at time.Time
	var other []string
	if scanQuickly([]byte("March 1st"), &at) || scanQuickly([]byte("seven"), &n) || scanQuickly([]byte("{}"), &other) {
		t.Error("what only pgx may be able to read was read")
	}
}
