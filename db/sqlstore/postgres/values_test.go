package postgres

import (
	"math/rand/v2"
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

// TestTimesAreReadAsPackageTimeReadsThem: also those with one character changed.
func TestTimesAreReadAsPackageTimeReadsThem(t *testing.T) {
	t.Parallel()
	const form = "2006-01-02 15:04:05.999999-07"
	random, quick := rand.New(rand.NewPCG(1, 2)), 0
	for range 200_000 {
		at := time.Unix(random.Int64N(8e9)-4e9, random.Int64N(1e6)*1000).UTC()
		text := []byte(at.Format(form))
		if random.IntN(2) == 0 {
			text[random.IntN(len(text))] = "0123456789-+:. x"[random.IntN(16)]
		}
		got, ok := parseUTC(text)
		if !ok {
			continue // package time decides
		}
		quick++
		if want, err := time.Parse(form, string(text)); err != nil || got != want.UTC() {
			t.Fatalf("%s: %v, package time reads %v, %v", text, got, want, err)
		}
	}
	if quick < 100_000 {
		t.Errorf("%d of 200,000 times were read quickly", quick)
	}
}

func BenchmarkParseTime(b *testing.B) {
	text := []byte("2026-03-01 09:30:00.123456+00")
	for b.Loop() {
		if _, err := parseTime(text); err != nil {
			b.Fatal(err)
		}
	}
}
