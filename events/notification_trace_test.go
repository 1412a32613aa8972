package events_test

import (
	"bytes"
	"strings"
	"testing"

	"studychat/db"
	"studychat/events"
)

// TestNotificationsCarryTraces of events that are recorded, and nothing else of the wire format changes: other versions ignore the field.
func TestNotificationsCarryTraces(t *testing.T) {
	t.Parallel()
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	chat := db.NewID()
	encode := func(trace string) []byte {
		event := &db.Event{ChatID: chat, Seq: 2, Epoch: 1, Kind: db.ChatRenamed, Title: "new", Trace: trace}
		raw, err := events.Notification{Topic: events.ChatTopic(chat), Epoch: 1, Seq: 2, Event: event}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	decode := func(raw []byte) string {
		n, err := events.DecodeNotification(raw)
		if err != nil || n.Event == nil || n.Event.Title != "new" {
			t.Fatalf("%s: %+v %v", raw, n, err)
		}
		return n.Event.Trace
	}
	plain, traced := encode(""), encode(trace)
	if got := decode(plain); got != "" || bytes.Contains(plain, []byte(`"tp"`)) {
		t.Errorf("without a trace: %s %q", plain, got)
	}
	if got := decode(traced); got != trace || !bytes.Equal(bytes.Replace(traced, []byte(`,"tp":"`+trace+`"`), nil, 1), plain) {
		t.Errorf("with a trace: %s %q", traced, got)
	}
	if got := decode(encode(strings.Repeat("x", 5000))); got != "" {
		t.Errorf("what cannot be a trace: %.20q", got)
	}
}
