package db

import (
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// cursorVersion begins every cursor of a stream. Version 1, which had no tag, is refused.
const cursorVersion = "2"

// FeedOverlap is how far a cursor of the feed stays behind the moment up to which everything was delivered or read (Pulse.Horizon). The
// database's own time proves that moment; the overlap is for a database whose clock is set back. On resume, events in the overlap are
// delivered again.
const FeedOverlap = 5 * time.Second

// Cursor is a place in a chat's log: the epoch (the history in which events are numbered) and the number of an event. Clients see
// "2.<epoch>.<seq>.<tag of the chat>" and treat it as opaque. Numbers mean nothing in another chat: the tag makes another chat refuse
// the cursor.
type Cursor struct {
	ChatID string
	Epoch  int64
	Seq    int64
}

// String is the form that clients see.
func (c Cursor) String() string {
	var room [cursorRoom]byte
	b := strconv.AppendInt(beginCursor(room[:0], c.Epoch), c.Seq, 10)
	return string(appendTag(append(b, '.'), c.ChatID))
}

// ParseCursor reads what String wrote for a cursor of the chat. Errors: BAD_USER_INPUT naming field.
func ParseCursor(field, s, chatID string) (Cursor, error) {
	epoch, place, err := splitCursor(s, chatID)
	seq, badPlace := parseCount(place)
	if err != nil || badPlace != nil {
		return Cursor{}, BadInput(field, "is not a cursor of this chat's events.")
	}
	return Cursor{ChatID: chatID, Epoch: epoch, Seq: seq}, nil
}

// FeedCursor is a place in the feed of all of a user's chats: a time before which everything was delivered, and how far a replay
// of what came after it has got. Clients see "2.<epoch>.t<microseconds>.<tag of the user>", or in the middle of a replay
// "2.<epoch>.t<microseconds>-<microseconds>-<seq>-<chat>.<tag of the user>", which is at most 140 bytes.
type FeedCursor struct {
	User   string     `json:"user"`
	Epoch  int64      `json:"epoch"`
	At     time.Time  `json:"at"`
	Replay FeedReplay `json:"replay,omitzero"`
}

// FeedReplay is the progress of an unfinished replay; its zero value means that there is none. A replay tells the events from
// FeedCursor.At until Until, chat by chat in the order of their ids. These events do not change while the replay is interrupted and
// resumed, because later commits happen after Until. So every interruption leaves less to replay.
type FeedReplay struct {
	Until  time.Time `json:"until"`
	ChatID string    `json:"chatId"` // the chats with lower ids are finished, and this one
	Seq    int64     `json:"seq"`    // up to here
}

// String is the form that clients see.
func (c FeedCursor) String() string {
	var room [2 * cursorRoom]byte
	b := strconv.AppendInt(append(beginCursor(room[:0], c.Epoch), 't'), c.At.UnixMicro(), 10)
	if r := c.Replay; r != (FeedReplay{}) {
		b = strconv.AppendInt(append(b, '-'), r.Until.UnixMicro(), 10)
		b = strconv.AppendInt(append(b, '-'), r.Seq, 10)
		b = append(append(b, '-'), r.ChatID...)
	}
	return string(appendTag(append(b, '.'), c.User))
}

// ParseFeedCursor reads what String wrote for a cursor of the user's feed. Errors: BAD_USER_INPUT naming field.
func ParseFeedCursor(field, s, user string) (FeedCursor, error) {
	epoch, place, err := splitCursor(s, user)
	if err != nil || !strings.HasPrefix(place, "t") {
		return FeedCursor{}, BadInput(field, "is not a cursor of the viewer's feed.")
	}
	at, rest, replay := strings.Cut(place[1:], "-")
	c := FeedCursor{User: user, Epoch: epoch}
	if c.At, err = parseMicros(at); err == nil && replay {
		c.Replay, err = parseReplay(rest)
	}
	if err != nil {
		return FeedCursor{}, BadInput(field, "is not a cursor of the viewer's feed.")
	}
	return c, nil
}

func parseReplay(s string) (r FeedReplay, err error) {
	parts := strings.SplitN(s, "-", 3)
	if len(parts) != 3 || !chatInCursor.MatchString(parts[2]) {
		return r, strconv.ErrSyntax
	}
	r.ChatID = parts[2]
	if r.Until, err = parseMicros(parts[0]); err != nil {
		return r, err
	}
	r.Seq, err = parseCount(parts[1])
	return r, err
}

// chatInCursor matches the form of an id. The chat need not exist.
var chatInCursor = regexp.MustCompile(`^[0-9a-z-]{1,36}$`)

func parseMicros(s string) (time.Time, error) {
	micros, err := parseCount(s)
	return time.UnixMicro(micros).UTC(), err
}

// cursorRoom is more than a usual cursor takes. Longer ones take another allocation.
const cursorRoom = 80

func beginCursor(b []byte, epoch int64) []byte {
	return append(strconv.AppendInt(append(b, cursorVersion+"."...), epoch, 10), '.')
}

// appendTag appends the owner of a cursor, as 48 bits of a hash of the id. It catches mistakes and is not a secret: a cursor never
// decides what a viewer may see.
func appendTag(b []byte, id string) []byte {
	var room [cursorRoom]byte
	sum := sha256.Sum256(append(room[:0], id...))
	return base64.RawURLEncoding.AppendEncode(b, sum[:6])
}

func tagOf(id string) string { return string(appendTag(nil, id)) }

// splitCursor splits a cursor of the owner.
func splitCursor(s, owner string) (epoch int64, place string, err error) {
	parts := strings.Split(s, ".")
	if len(parts) != 4 || parts[0] != cursorVersion || parts[3] != tagOf(owner) {
		return 0, "", strconv.ErrSyntax
	}
	epoch, err = parseCount(parts[1])
	return epoch, parts[2], err
}

// parseCount reads a plain decimal number: no sign, no leading zero, so that a cursor has one spelling.
func parseCount(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || strconv.FormatInt(n, 10) != s || n < 0 {
		return 0, strconv.ErrSyntax
	}
	return n, nil
}
