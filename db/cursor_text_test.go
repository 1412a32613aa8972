package db

import (
	"testing"
	"time"
)

var (
	someKey  = Key{At: time.UnixMicro(1_700_000_000_123_456), ID: "01a21a80-5458-7d52-874e-7a6f2e0ddf93", ChatID: "01a21a81-a7f7-7172-b34d-cb3db37d136a", Seq: 12345, Title: "Biology: cells"}
	someChat = Cursor{ChatID: someKey.ChatID, Epoch: 3, Seq: 12345}
	someFeed = FeedCursor{User: "auth0|a user with a name that is longer than any buffer on the stack of a function would be, in bytes", Epoch: 3, At: someKey.At}
)

func cursorTexts() map[string]func() string {
	replay := someFeed
	replay.Replay = FeedReplay{Until: someKey.At.Add(time.Second), ChatID: someKey.ID, Seq: 7}
	return map[string]func() string{
		"chat":    someKey.ChatCursor,
		"message": someKey.MessageCursor,
		"module":  someKey.ModuleCursor,
		"event":   someChat.String,
		"feed":    someFeed.String,
		"replay":  replay.String,
		"zero":    Cursor{}.String,
		"before":  Key{At: time.UnixMicro(-5), ID: "x", Seq: -1}.ChatCursor,
	}
}

// Clients keep cursors: their text may not change.
func TestTheTextOfCursors(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"feed":    "2.3.t1700000000123456.pawyz6aq",
		"replay":  "2.3.t1700000000123456-1700000001123456-7-01a21a80-5458-7d52-874e-7a6f2e0ddf93.pawyz6aq",
		"zero":    "2.0.0.47DEQpj8",
		"before":  "YzE6LTU6eA",
		"chat":    "YzE6MTcwMDAwMDAwMDEyMzQ1NjowMWEyMWE4MC01NDU4LTdkNTItODc0ZS03YTZmMmUwZGRmOTM",
		"message": "bTI6MTIzNDU6clo1ZkdHSXc",
		"module":  "bzE6MDFhMjFhODAtNTQ1OC03ZDUyLTg3NGUtN2E2ZjJlMGRkZjkzOkJpb2xvZ3k6IGNlbGxz",
		"event":   "2.3.12345.rZ5fGGIw",
	}
	for name, text := range cursorTexts() {
		if got := text(); got != want[name] {
			t.Errorf("%s: %q, want %q", name, got, want[name])
		}
	}
}

// A page has one per element.
func TestCursorsTakeOneAllocation(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	for _, name := range []string{"chat", "message", "event"} {
		text := cursorTexts()[name]
		if n := testing.AllocsPerRun(100, func() { text() }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
