package db

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// refusedAs says whether err is the BAD_USER_INPUT of a field, with a message that repeats nothing of a longer input.
func refusedAs(err error, field, input string) bool {
	own, ok := errors.AsType[*Error](err)
	return ok && own.Code == CodeBadUserInput && own.Field == field && len(own.Message) < 200 &&
		(len(input) < 20 || !strings.Contains(own.Message, input))
}

// FuzzCursors: every place that a log, a feed or a list can have is written so that it is read again, by its own reader
// and by no other, and has one spelling.
func FuzzCursors(f *testing.F) {
	f.Add(int64(1), int64(1), []byte("0123456789abcdef"))
	f.Add(int64(0), int64(0), []byte{})
	f.Add(int64(math.MaxInt64), int64(math.MaxInt64), []byte(strings.Repeat("\xff", 16)))
	f.Add(int64(3), int64(1772357400000000), []byte(strings.Repeat("\x00", 16)))
	f.Fuzz(func(t *testing.T, epoch, n int64, bits []byte) {
		if epoch < 0 || n < 0 {
			return
		}
		id := idOf(bits)
		place, feed := Cursor{id, epoch, n}, FeedCursor{User: "ann", Epoch: epoch, At: time.UnixMicro(n).UTC()}
		if len(bits)%2 == 1 {
			feed.Replay = FeedReplay{Until: time.UnixMicro(epoch).UTC(), ChatID: id, Seq: n}
		}
		if len(feed.String()) > 140 {
			t.Fatalf("%q is %d bytes", feed, len(feed.String()))
		}
		chat, message := Key{At: time.UnixMicro(n).UTC(), ID: id}, Key{ChatID: id, Seq: n}
		written := []string{place.String(), feed.String(), chat.ChatCursor(), message.MessageCursor()}
		for i, cursor := range written {
			gotPlace, errPlace := ParseCursor("after", cursor, id)
			gotFeed, errFeed := ParseFeedCursor("after", cursor, "ann")
			gotChat, errChat := ParseChatKey("after", cursor)
			gotMessage, errMessage := ParseMessageKey(id)("after", cursor)
			for reader, err := range []error{errPlace, errFeed, errChat, errMessage} {
				if (err == nil) != (reader == i) || err != nil && !refusedAs(err, "after", cursor) {
					t.Fatalf("%q, written by %d, read by %d: %v", cursor, i, reader, err)
				}
			}
			if i == 0 && gotPlace != place || i == 1 && gotFeed != feed || i == 2 && gotChat != chat || i == 3 && gotMessage != message {
				t.Fatalf("%q is read as %v %v %v %v", cursor, gotPlace, gotFeed, gotChat, gotMessage)
			}
			for _, err := range readForOthers(cursor) {
				if !refusedAs(err, "after", cursor) {
					t.Fatalf("%q is taken for another chat or another user: %v", cursor, err)
				}
			}
		}
	})
}

// readForOthers reads a cursor as one of another chat and another user.
func readForOthers(cursor string) []error {
	_, place := ParseCursor("after", cursor, "01890a5d-ac96-774b-bcce-b302099a8057")
	_, feed := ParseFeedCursor("after", cursor, "bob")
	_, message := ParseMessageKey("01890a5d-ac96-774b-bcce-b302099a8057")("after", cursor)
	return []error{place, feed, message}
}

// idOf is an id with these bits; too few are filled up.
func idOf(bits []byte) string {
	const hex = "0123456789abcdef"
	id := []byte("00000000-0000-0000-0000-000000000000")
	for i, at := 0, 0; at < len(id) && i < 2*len(bits); at++ {
		if id[at] == '-' {
			continue
		}
		id[at] = hex[bits[i/2]>>(4*(i%2))&15]
		i++
	}
	return string(id)
}

const fuzzChat = "01890a5d-ac96-774b-bcce-b302099a8058"

// FuzzParseCursors: whatever a client sends as a cursor or an id is read to what is written the same, or refused as
// BAD_USER_INPUT of its field. Upper case in ids is the only other spelling.
func FuzzParseCursors(f *testing.F) {
	for _, seed := range []string{
		"", "1.1.1", "1.1.t1", Cursor{fuzzChat, 1, 1}.String(), FeedCursor{User: "ann", Epoch: 1, At: time.UnixMicro(1)}.String(),
		FeedCursor{User: "ann", Epoch: 1, At: time.UnixMicro(1), Replay: FeedReplay{time.UnixMicro(2), fuzzChat, 3}}.String(), "2.01.1." + tagOf(fuzzChat),
		"2.-1.1." + tagOf(fuzzChat), "2.1.9223372036854775808." + tagOf(fuzzChat), "2.1.1\x00." + tagOf(fuzzChat), "2.1.1.", "2.1.1",
		Key{ChatID: fuzzChat, Seq: 7}.MessageCursor(), Key{ChatID: fuzzChat, Seq: 7}.MessageCursor() + "\n",
		Key{ChatID: fuzzChat, Seq: 7}.MessageCursor() + "==", Key{ChatID: fuzzChat, Seq: -1}.MessageCursor(), "bTE6Nw",
		"YzE6MTox", "01890A5D-ac96-774b-bcce-b302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}", "01890a5dac96774bbcceb302099a8057",
		Key{At: time.UnixMicro(1), ID: "01890A5D-ac96-774b-bcce-b302099a8057"}.ChatCursor(),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check := func(what, again string, err error) {
			if err != nil && !refusedAs(err, "field", s) || err == nil && again != s {
				t.Errorf("%s: %q is written again as %q, error %v", what, s, again, err)
			}
		}
		place, err := ParseCursor("field", s, fuzzChat)
		check("a place in a log", place.String(), err)
		feed, err := ParseFeedCursor("field", s, "ann")
		check("a place in the feed", feed.String(), err)
		message, err := ParseMessageKey(fuzzChat)("field", s)
		check("a message", message.MessageCursor(), err)
		id, err := ParseID("field", s)
		if err == nil && id == strings.ToLower(s) {
			id = s
		}
		check("an id", id, err)
		chat, err := ParseChatKey("field", s)
		if again, errAgain := ParseChatKey("field", chat.ChatCursor()); err == nil && (errAgain != nil || again != chat || chat.At.UnixMicro() < 0) {
			t.Errorf("a chat: %q is read as %v, then as %v, %v", s, chat, again, errAgain)
		}
		if err != nil && !refusedAs(err, "field", s) {
			t.Errorf("a chat: %q: %v", s, err)
		}
	})
}

// FuzzNewPage: every page that is let through is within its bounds, and every other names the argument that is wrong.
func FuzzNewPage(f *testing.F) {
	f.Add(3, 0, true, false, Key{ChatID: fuzzChat, Seq: 7}.MessageCursor(), "", true, false)
	f.Add(0, -1, false, true, "", "x", false, true)
	f.Add(math.MinInt, math.MaxInt, true, true, "\x00", "\xff", true, true)
	f.Add(MaxPage, MaxPage+1, false, false, Key{ChatID: fuzzChat}.MessageCursor(), Key{ChatID: fuzzChat, Seq: 1}.MessageCursor(), true, true)
	f.Fuzz(func(t *testing.T, n, m int, hasFirst, hasLast bool, a, b string, hasAfter, hasBefore bool) {
		first, last := given(n, hasFirst), given(m, hasLast)
		after, before := given(a, hasAfter), given(b, hasBefore)
		fallback := Page{Limit: 50, Backward: true}
		page, err := NewPage(first, after, last, before, ParseMessageKey(fuzzChat), fallback)
		if err != nil {
			own, ok := errors.AsType[*Error](err)
			if !ok || own.Code != CodeBadUserInput || page != (Page{}) && own.Field != "before" && own.Field != "after" {
				t.Fatalf("%+v, %v", page, err)
			}
			if map[string]bool{"first": hasFirst, "last": hasLast, "after": hasAfter, "before": hasBefore}[own.Field] != true {
				t.Fatalf("blames %q, which was not given", own.Field)
			}
			return
		}
		switch {
		case hasFirst && hasLast, page.Limit < 0, page.Limit > MaxPage, (page.After != nil) != (hasAfter && a != ""), (page.Before != nil) != (hasBefore && b != ""):
			t.Fatalf("taken: %+v", page)
		case hasFirst && (page.Backward || page.Limit != n), hasLast && (!page.Backward || page.Limit != m):
			t.Fatalf("asked for first %d, last %d: %+v", n, m, page)
		case !hasFirst && !hasLast && (page.Limit != fallback.Limit || page.Backward != fallback.Backward):
			t.Fatalf("asked for nothing: %+v", page)
		}
	})
}

func given[T any](value T, is bool) *T {
	if !is {
		return nil
	}
	return &value
}
