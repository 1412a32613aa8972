package events

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/dbtest"
)

func someNotifications() map[string]Notification {
	at := time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)
	message := &db.Message{ID: "m", ChatID: "c", Seq: 5, Author: "ann", Role: db.RoleUser, Content: "héllo\n", CreatedAt: at, EditedAt: &at}
	event := func(kind db.EventKind) *db.Event {
		return &db.Event{ChatID: "c", Seq: 5, Epoch: 2, Kind: kind, Actor: "ann", At: at}
	}
	sent, added, renamed := event(db.MessageSent), event(db.MemberAdded), event(db.ChatRenamed)
	sent.Message, renamed.Title = message, "New"
	added.Member = &db.Member{ChatID: "c", UserID: "bob", Role: db.RoleMember, JoinedAt: at}
	return map[string]Notification{
		"a user topic": {Topic: UserTopic("ann {x} \x00")},
		"bare":         {Topic: ChatTopic("c"), Epoch: 2, Seq: 5},
		"a message":    {Topic: ChatTopic("c"), Epoch: 2, Seq: 5, Event: sent},
		"a member":     {Topic: ChatTopic("c"), Epoch: 2, Seq: 5, Event: added},
		"a title":      {Topic: ChatTopic("c"), Epoch: 2, Seq: 5, Event: renamed},
		"ephemeral":    {Topic: ChatTopic("c"), Ephemeral: &Ephemeral{Kind: TypingChanged, ChatID: "c", User: "ann", At: at, On: true}},
	}
}

func TestWireRoundTrip(t *testing.T) {
	t.Parallel()
	for name, notification := range someNotifications() {
		message, err := notification.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeNotification(message)
		if err != nil || !reflect.DeepEqual(got, notification) {
			t.Errorf("%s: got %+v, %v; want %+v", name, got, err, notification)
		}
	}
}

func TestWireTakesEveryKind(t *testing.T) {
	t.Parallel()
	dbtest.EveryKind(t, func(t *testing.T, event *db.Event) {
		if event.Member != nil {
			event.Member.JoinedSeq = 0 // the feed reads it from the database
		}
		want := Notification{Topic: ChatTopic("c"), Epoch: 2, Seq: 5, Event: event}
		message, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodeNotification(message); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got.Event, err, event)
		}
	})
}

func TestWireLeavesBigEventsOut(t *testing.T) {
	t.Parallel()
	notification := someNotifications()["a message"]
	notification.Event.Message.Content = strings.Repeat("x", MaxInline)
	message, err := notification.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(message) > 200 {
		t.Errorf("%d bytes on the wire", len(message))
	}
	got, err := DecodeNotification(message)
	if err != nil || got.Event != nil || got.Seq != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
	if notification.Event == nil {
		t.Error("the caller's notification was changed")
	}
}

func TestWireBadMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, body string
		hint         bool // a good hint is left of it
	}{
		{"empty", ``, false},
		{"not JSON", `{"t":`, false},
		{"no topic", `{"s":4}`, false},
		{"a topic of no kind", `{"t":"x:1"}`, false},
		{"a negative number", `{"t":"c:c","s":-1}`, false},
		{"an ephemeral event of another chat", `{"t":"c:c","p":{"k":"TYPING","c":"d"}}`, false},
		{"a field of a later version", `{"t":"c:c","s":4,"later":[1]}`, true},
		{"an event that is not an object", `{"t":"c:c","s":4,"v":"x"}`, true},
		{"an event of another chat", `{"t":"c:c","s":4,"v":{"chatId":"d","seq":4,"kind":"CHAT_RENAMED"}}`, true},
		{"an event with another number", `{"t":"c:c","s":4,"v":{"chatId":"c","seq":5,"kind":"CHAT_RENAMED"}}`, true},
		{"a kind of a later version", `{"t":"c:c","s":4,"v":{"chatId":"c","seq":4,"kind":"CHAT_PAINTED"}}`, true},
		{"a message event without its message", `{"t":"c:c","s":4,"v":{"chatId":"c","seq":4,"kind":"MESSAGE_SENT"}}`, true},
		{"a member event without its member", `{"t":"c:c","s":4,"v":{"chatId":"c","seq":4,"kind":"MEMBER_REMOVED"}}`, true},
	} {
		notification, err := DecodeNotification([]byte(c.body))
		if (err == nil) != c.hint {
			t.Errorf("%s: error %v", c.reason, err)
		}
		if notification.Event != nil {
			t.Errorf("%s: an event was taken from it", c.reason)
		}
		if c.hint && notification.Seq != 4 {
			t.Errorf("%s: the hint is lost", c.reason)
		}
	}
}

func FuzzDecodeNotification(f *testing.F) {
	for _, notification := range someNotifications() {
		message, err := notification.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(message)
	}
	f.Fuzz(func(_ *testing.T, message []byte) {
		notification, err := DecodeNotification(message)
		if err == nil && notification.Event != nil {
			notification.Event.Ends("ann") // what every follower does
		}
	})
}
