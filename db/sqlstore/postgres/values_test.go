package postgres

import (
	"testing"
	"time"
)

func TestValues(t *testing.T) {
	t.Parallel()
	want := time.Date(2026, 3, 1, 9, 30, 0, 120_000_000, time.UTC)
	for _, text := range []string{"2026-03-01 09:30:00.12+00", "2026-03-01 15:15:00.12+05:45", "2026-03-01 04:30:00.12-05"} {
		if got, err := Time([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := Time([]byte("March 1st")); err == nil {
		t.Error("a text is a time")
	}
	if at, err := OptionalTime(nil); at != nil || err != nil {
		t.Errorf("NULL is %v, %v", at, err)
	}
	if OptionalText(nil) != nil || *OptionalText([]byte{}) != "" {
		t.Error("NULL and an empty text are the same")
	}
	if n, err := Number([]byte("-7")); n != -7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}
