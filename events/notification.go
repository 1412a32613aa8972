package events

import (
	"encoding/json"
	"errors"
	"hash/fnv"
	"strings"
	"time"

	"studychat/db"
)

// Topic names what can be followed: one chat, or the feed of one user.
type Topic string

// ChatTopic is the topic of a chat's log.
func ChatTopic(chatID string) Topic { return Topic("c:" + chatID) }

// UserTopic is the topic of a user's feed. It is notified when the user gets another chat.
func UserTopic(user string) Topic { return Topic("u:" + user) }

// Partition is the channel that carries the topic's notifications.
func (t Topic) Partition() int {
	h := fnv.New32a()
	h.Write([]byte(t))
	return int(h.Sum32() % Partitions)
}

// Chat returns the chat's id if the topic is a chat.
func (t Topic) Chat() (id string, ok bool) { return strings.CutPrefix(string(t), "c:") }

// User returns the user if the topic is a user's feed.
func (t Topic) User() (user string, ok bool) { return strings.CutPrefix(string(t), "u:") }

// MaxInline is the largest encoded event, in bytes, that travels inside a notification. Receivers read a larger one from the
// database.
const MaxInline = 2048

// Notification says that a topic has news. It is a hint: the database has the truth.
type Notification struct {
	Topic     Topic      `json:"t"`
	Epoch     int64      `json:"e,omitempty"`
	Seq       int64      `json:"s,omitempty"` // the log reaches at least this far; 0 for a user topic and an ephemeral event
	Event     *db.Event  `json:"v,omitempty"` // the event Seq itself, if it is small enough
	Ephemeral *Ephemeral `json:"p,omitempty"` // an ephemeral event instead
	Remote    bool       `json:"-"`           // it came over a network
}

// EphemeralKind names a kind of ephemeral event.
type EphemeralKind string

// The ephemeral events.
const (
	MessagesRead    EphemeralKind = "READ"
	TypingChanged   EphemeralKind = "TYPING"
	PresenceChanged EphemeralKind = "PRESENCE"
)

// Ephemeral is an event without a sequence number. It is coalesced (the newest of a kind and user wins), may be dropped, and is
// never replayed.
type Ephemeral struct {
	Kind    EphemeralKind `json:"k"`
	ChatID  string        `json:"c"`
	User    string        `json:"u"`
	At      time.Time     `json:"a"`
	ReadSeq int64         `json:"r,omitempty"` // MessagesRead
	On      bool          `json:"o,omitempty"` // TypingChanged: the user is typing; PresenceChanged: the user is online
}

// The wire format is the Notification as JSON. Instances of two versions may run side by side: unknown fields are ignored, and
// an event that this version cannot use is dropped from its notification, which is still a good hint to read the log.

// wireNotification encodes its event apart: to measure it, and so that an unreadable event does not spoil the rest.
type wireNotification struct {
	Notification

	Event json.RawMessage `json:"v,omitempty"`  // shadows Notification.Event
	Trace string          `json:"tp,omitempty"` // that of Event, if it is recorded
}

// traceLen is the length of a traceparent.
const traceLen = 55

// Encode returns the wire format, for buses over a network. An event larger than MaxInline is left out.
func (n Notification) Encode() ([]byte, error) {
	wire := wireNotification{Notification: n}
	wire.Notification.Event = nil
	if n.Event != nil {
		raw, err := json.Marshal(n.Event)
		if err != nil {
			return nil, err
		}
		if len(raw) <= MaxInline {
			wire.Event, wire.Trace = raw, n.Event.Trace
		}
	}
	return json.Marshal(wire)
}

// DecodeNotification reads what Encode wrote. It accepts only notifications that a hub can use without further checks.
func DecodeNotification(message []byte) (Notification, error) {
	var wire wireNotification
	if err := json.Unmarshal(message, &wire); err != nil {
		return Notification{}, err
	}
	notification := wire.Notification
	chatID, isChat := notification.Topic.Chat()
	_, isUser := notification.Topic.User()
	switch {
	case !isChat && !isUser, notification.Seq < 0, notification.Epoch < 0:
		return Notification{}, errors.New("no topic or no number")
	case notification.Ephemeral != nil && notification.Ephemeral.ChatID != chatID:
		return Notification{}, errors.New("ephemeral event of another topic")
	}
	notification.Event = decodeEvent(wire.Event, notification)
	if notification.Event != nil && len(wire.Trace) == traceLen {
		notification.Event.Trace = wire.Trace
	}
	return notification, nil
}

// decodeEvent returns the event of a notification if it is complete, else nil: receivers then read it from the log.
func decodeEvent(raw json.RawMessage, notification Notification) *db.Event {
	if len(raw) == 0 {
		return nil
	}
	var event db.Event
	if json.Unmarshal(raw, &event) != nil {
		return nil
	}
	if event.Seq != notification.Seq || event.Epoch != notification.Epoch || ChatTopic(event.ChatID) != notification.Topic || !event.Complete() {
		return nil
	}
	if event.Member != nil {
		event.Member.ChatID = event.ChatID // not part of its JSON
	}
	return &event
}
