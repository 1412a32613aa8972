package events

import (
	"encoding/json"
	"errors"

	"studychat/db"
)

// The wire format is the Notification as JSON. Instances of two versions may run side by side: unknown fields are ignored, and
// an event that this version cannot use is dropped from its notification, which is still a good hint to read the log.

// wireNotification encodes its event apart: to measure it, and so that an unreadable event does not spoil the rest.
type wireNotification struct {
	Notification

	Event json.RawMessage `json:"v,omitempty"` // shadows Notification.Event
}

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
			wire.Event = raw
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
	if err := checkNotification(notification); err != nil {
		return Notification{}, err
	}
	notification.Event = decodeEvent(wire.Event, notification)
	return notification, nil
}

func checkNotification(notification Notification) error {
	chatID, isChat := notification.Topic.Chat()
	_, isUser := notification.Topic.User()
	switch {
	case !isChat && !isUser, notification.Seq < 0, notification.Epoch < 0:
		return errors.New("no topic or no number")
	case notification.Ephemeral != nil && notification.Ephemeral.ChatID != chatID:
		return errors.New("ephemeral event of another topic")
	}
	return nil
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
