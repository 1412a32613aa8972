package cache

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"

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

// A body's value is a header, the checksum of the rest, and the content (codec.go). The header is all that a reader needs who has the
// content already: no two fills have the same.
const (
	headerBytes = 1 + 8 // 'b', fillID
	sumBytes    = 8
)

// fillID names one fill of one key. Two values of a key with the same fillID have the same content.
type fillID uint64

// value is what a key holds, split into its parts; the content of a body is not parsed yet.
type value struct {
	state   state
	fill    fillID
	content string
}

// parseHeader reads the first headerBytes of a value, or more. An absent key reads as "", which is stateUnknown.
func parseHeader(raw string) (state, fillID) {
	switch {
	case raw == "":
		return stateUnknown, 0
	case raw[0] == 'l':
		return stateLease, 0
	case raw[0] == 'd':
		return stateMark, 0
	case raw[0] == 'b' && len(raw) >= headerBytes:
		return stateBody, fillID(binary.BigEndian.Uint64([]byte(raw[1:headerBytes])))
	}
	return stateUnknown, 0
}

func parseValue(raw string) value {
	state, fill := parseHeader(raw)
	if state != stateBody {
		return value{state: state}
	}
	if len(raw) < headerBytes+sumBytes {
		return value{state: stateUnknown}
	}
	content := raw[headerBytes+sumBytes:]
	if binary.BigEndian.Uint64([]byte(raw[headerBytes:headerBytes+sumBytes])) != checksum(fill, content) {
		return value{state: stateUnknown}
	}
	return value{state: stateBody, fill: fill, content: content}
}

func checksum(fill fillID, content string) uint64 { return uint64(fill) ^ xxhash.Sum64String(content) }

// encodeValue makes the value of a body, whose content encode appends.
func encodeValue[T any](fill fillID, body T, encode func([]byte, T) []byte) string {
	raw := encode(make([]byte, headerBytes+sumBytes, 8<<10), body)
	raw[0] = 'b'
	binary.BigEndian.PutUint64(raw[1:], uint64(fill))
	sum := uint64(fill) ^ xxhash.Sum64(raw[headerBytes+sumBytes:])
	binary.BigEndian.PutUint64(raw[headerBytes:], sum)
	return string(raw)
}

var errNotIt = errors.New("cache: not the value of this key")

// decodeChat returns the chat with the id, and about how much memory it takes. Its texts are parts of content.
func decodeChat(content, id string) (chat *db.Chat, bytes int, err error) {
	p := parser{rest: content}
	chat = p.chat()
	if err := p.end(); err != nil {
		return nil, 0, err
	}
	if chat.ID != id {
		return nil, 0, errNotIt // a chat without members would be NOT_FOUND for everybody
	}
	return chat, p.bytes + len(content), nil
}

// decodeList returns the viewer's list, and about how much memory it takes.
func decodeList(content, viewer string) (list *db.ChatList, bytes int, err error) {
	p := parser{rest: content}
	list = p.list()
	if err := p.end(); err != nil {
		return nil, 0, err
	}
	if list.Cursor.User != viewer {
		return nil, 0, errNotIt
	}
	return list, p.bytes + len(content), nil
}
