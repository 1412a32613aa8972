package hub

import (
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

func messageEvent(seq int64, kind db.EventKind, id, content string) *db.Event {
	return &db.Event{ChatID: "c", Seq: seq, Kind: kind, Message: &db.Message{ID: id, ChatID: "c", Content: content}}
}

func TestRingBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason  string
		content int
		most    int
	}{
		{"small events: by number", 10, ringEvents},
		{"big events: by size", 10_000, ringBytes / 10_000},
		{"huge events: the newest stays", 2 * ringBytes, 1},
	} {
		var r ring
		for seq := int64(1); seq <= 1000; seq++ {
			r.add(messageEvent(seq, db.MessageSent, "m", strings.Repeat("x", c.content)), delivery.Local)
		}
		if n := len(r.events); n > c.most || n < max(1, c.most*8/10) {
			t.Errorf("%s: %d events, want about %d", c.reason, n, c.most)
		}
		if r.at(1000) == nil || r.at(1001) != nil || r.at(1) != nil || r.at(-5) != nil {
			t.Errorf("%s: at finds the wrong events", c.reason)
		}
		sum := 0
		for i, e := range r.events {
			sum += sizeOf(e)
			if r.at(e.Seq) != e || e.Seq != 1000-int64(len(r.events)-1-i) {
				t.Fatalf("%s: the ring is not consecutive", c.reason)
			}
		}
		if sum != r.bytes {
			t.Errorf("%s: counts %d bytes, holds %d", c.reason, r.bytes, sum)
		}
	}
}

func TestRingDoesNotHandOutWhatIsGone(t *testing.T) {
	t.Parallel()
	var r ring
	sent := messageEvent(1, db.MessageSent, "m1", "secret")
	other := messageEvent(2, db.MessageSent, "m2", "stays")
	r.add(sent, delivery.Local)
	r.add(other, delivery.Local)
	r.add(messageEvent(3, db.MessageDeleted, "m1", ""), delivery.Local)
	if got := r.at(1).Message.Content; got != "" {
		t.Errorf("the deleted message still reads %q", got)
	}
	if r.at(2) != other || sent.Message.Content != "secret" {
		t.Error("an event that is shared was changed")
	}
	at := time.Now()
	r.add(&db.Event{ChatID: "c", Seq: 4, Kind: db.ChatRenamed, Title: "private"}, delivery.Local)
	r.add(&db.Event{ChatID: "c", Seq: 5, Kind: db.ChatDeleted, At: at}, delivery.Local)
	for seq := int64(1); seq <= 5; seq++ {
		e := r.at(seq)
		if e == nil || e.Title != "" || e.Message != nil && (e.Message.Content != "" || e.Message.ChatID != "c") {
			t.Errorf("event %d of a deleted chat: %+v", seq, e)
		}
	}
}

func TestEphemeralSet(t *testing.T) {
	t.Parallel()
	var s ephemeralSet
	at := time.Now()
	typing := func(user string, after time.Duration, on bool) events.Ephemeral {
		return events.Ephemeral{Kind: events.TypingChanged, User: user, At: at.Add(after), On: on}
	}
	if !s.put(typing("ann", 0, true)) || s.put(typing("ann", 0, true)) {
		t.Error("an echo is not news")
	}
	if s.put(typing("ann", -1, false)) {
		t.Error("an older one was taken for news")
	}
	s.put(typing("bob", 0, true))
	s.put(typing("ann", 1, false))
	first, _ := s.after(0)
	second, _ := s.after(first.stamp)
	if _, more := s.after(second.stamp); first.User != "bob" || second.User != "ann" || second.On || more {
		t.Errorf("got %+v and %+v", first, second)
	}
	for i := range 3 * maxEphemeral {
		s.put(typing(strings.Repeat("x", i), 2, true))
	}
	if len(s.entries) > maxEphemeral {
		t.Errorf("%d ephemeral events are held", len(s.entries))
	}
	if s.after(s.stamp); len(s.entries) == 0 {
		t.Error("nothing is held")
	}
}
