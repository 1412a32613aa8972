package events

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"

	"studychat/db"
)

// A poke on the wire is the id of the instance that sent it, so that an instance skips its own without decoding, followed
// by the Poke as JSON. Instances of two versions may run side by side: unknown fields are ignored, and an event that
// this version cannot use is dropped from its poke, which stays a good hint to read the log.

// instanceIDLen is the length of an instance id on the wire.
const instanceIDLen = 16

// newInstanceID names one run of one process.
func newInstanceID() string {
	raw := make([]byte, instanceIDLen/2)
	_, _ = rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}

// encodePoke writes a poke of the instance; an event above MaxInline is left out.
func encodePoke(instance string, poke Poke) (string, error) {
	event := poke.Event
	poke.Event = nil
	wire := wirePoke{Poke: poke}
	if event != nil {
		raw, err := json.Marshal(event)
		if err != nil {
			return "", err
		}
		if len(raw) <= MaxInline {
			wire.Event = raw
		}
	}
	body, err := json.Marshal(wire)
	return instance + string(body), err
}

// wirePoke encodes its event apart: to measure it, and so that one which cannot be read does not spoil the rest.
type wirePoke struct {
	Poke

	Event json.RawMessage `json:"v,omitempty"` // shadows Poke.Event
}

// decodePoke reads what encodePoke wrote.
func decodePoke(message string) (Poke, error) {
	if len(message) < instanceIDLen {
		return Poke{}, errors.New("too short")
	}
	var wire wirePoke
	if err := json.Unmarshal([]byte(message[instanceIDLen:]), &wire); err != nil {
		return Poke{}, err
	}
	poke := wire.Poke
	if err := checkPoke(poke); err != nil {
		return Poke{}, err
	}
	poke.Event = decodeEvent(wire.Event, poke)
	return poke, nil
}

func checkPoke(poke Poke) error {
	chatID, isChat := poke.Topic.chat()
	_, isUser := poke.Topic.user()
	switch {
	case !isChat && !isUser, poke.Seq < 0, poke.Epoch < 0:
		return errors.New("no topic or no number")
	case poke.Passing != nil && poke.Passing.ChatID != chatID:
		return errors.New("passing event of another topic")
	}
	return nil
}

// decodeEvent returns the event of a poke if it is complete, else nil: the log has it.
func decodeEvent(raw json.RawMessage, poke Poke) *db.Event {
	if len(raw) == 0 {
		return nil
	}
	var event db.Event
	if json.Unmarshal(raw, &event) != nil {
		return nil
	}
	if event.Seq != poke.Seq || event.Epoch != poke.Epoch || ChatTopic(event.ChatID) != poke.Topic || !event.Complete() {
		return nil
	}
	if event.Member != nil {
		event.Member.ChatID = event.ChatID // not part of its JSON
	}
	return &event
}

// sentBy says whether the message on the wire is the instance's own.
func sentBy(instance, message string) bool { return strings.HasPrefix(message, instance) }
