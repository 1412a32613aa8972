package cache

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"studychat/db"
)

// state is what kind of value a key holds.
type state int

const (
	stateBody    state = iota // b…
	stateLease                // l…
	stateMark                 // d…
	stateUnknown              // damaged, or not written by the cache: to be deleted
)

// value is what a key holds, split into its parts; the body is still JSON.
type value struct {
	state   state
	version int64
	body    string
}

func parseValue(raw string) value {
	if raw == "" {
		return value{state: stateUnknown} // an absent key has no value
	}
	switch raw[0] {
	case 'l':
		return value{state: stateLease}
	case 'd':
		return value{state: stateMark}
	case 'b':
		number, body, ok := strings.Cut(raw[1:], "|")
		version, err := strconv.ParseInt(number, 10, 64)
		if !ok || err != nil {
			return value{state: stateUnknown}
		}
		return value{state: stateBody, version: version, body: body}
	}
	return value{state: stateUnknown}
}

// encodeValue makes the value of a body.
func encodeValue(version int64, v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	raw := make([]byte, 0, len(body)+24)
	raw = append(raw, 'b')
	raw = strconv.AppendInt(raw, version, 10)
	raw = append(raw, '|')
	return append(raw, body...), nil
}

var errNotIt = errors.New("cache: JSON, but not the value of this key")

func decodeChat(v value, id string) (*db.Chat, error) {
	chat := new(db.Chat)
	if err := json.Unmarshal([]byte(v.body), chat); err != nil {
		return nil, err
	}
	if chat.ID != id || chat.HeadSeq != v.version {
		return nil, errNotIt // {} would be a chat without members: NOT_FOUND for everybody
	}
	restore(chat)
	return chat, nil
}

func decodeList(v value, viewer string) (*db.ChatList, error) {
	list := new(db.ChatList)
	if err := json.Unmarshal([]byte(v.body), list); err != nil {
		return nil, err
	}
	if list.Chats == nil || list.Cursor.User != viewer {
		return nil, errNotIt
	}
	for _, chat := range list.Chats {
		restore(chat)
	}
	return list, nil
}

// restore sets what the JSON leaves out because it follows from the rest. ReadSeq stays 0: bodies do not contain it.
func restore(chat *db.Chat) {
	for _, member := range chat.Members {
		member.ChatID = chat.ID
	}
}
