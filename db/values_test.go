package db

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// Two chats, for cursors that must not be taken for the other's.
const chatA, chatB = "01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058"

func TestCursor(t *testing.T) {
	t.Parallel()
	for _, c := range []Cursor{{}, {Epoch: 1, Seq: 2}, {Epoch: math.MaxInt64, Seq: math.MaxInt64}} {
		c.ChatID = chatA
		if got, err := ParseCursor("after", c.String(), chatA); err != nil || got != c {
			t.Errorf("%v came back as %v, %v", c, got, err)
		}
		if got, err := ParseCursor("after", c.String(), chatB); CodeOf(err) != CodeBadUserInput {
			t.Errorf("%v was taken for another chat, as %v, %v", c, got, err)
		}
	}
	for _, bad := range []string{
		"", "2", "2.", "2.1", "2.1.", "2..1", "1.1.1", "3.1.1", "2.1.1.1", "2.1.t1", "2.-1.1", "2.1.-1", "2.+1.1", "2.01.1", "2.1.01",
		"2.1.9223372036854775808", " 2.1.1", "2.1.1 ", "2.1.1\n", "2.1.\x00", "2.1.１", "2.1.1e3", "2.0x1.1", "2.1_0.1",
	} {
		for _, s := range []string{bad, bad + "." + tagOf(chatA), bad + "." + tagOf(chatA) + "\n", bad + "." + tagOf(chatA) + "="} {
			if got, err := ParseCursor("after", s, chatA); CodeOf(err) != CodeBadUserInput {
				t.Errorf("%q was read as %v, %v", s, got, err)
			} else if e, _ := errors.AsType[*Error](err); e.Field != "after" {
				t.Errorf("%q: the field is %q", s, e.Field)
			}
		}
	}
}

func TestFeedCursor(t *testing.T) {
	t.Parallel()
	want := FeedCursor{User: "ann", Epoch: 3, At: time.Date(2026, 3, 1, 9, 30, 0, 123_456_000, time.UTC)}
	inReplay := want
	inReplay.Replay = FeedReplay{Until: want.At.Add(time.Second), ChatID: chatA, Seq: 7}
	for _, want := range []FeedCursor{want, inReplay} {
		if got, err := ParseFeedCursor("after", want.String(), "ann"); err != nil || got != want {
			t.Errorf("%v came back as %v, %v", want, got, err)
		}
		if got, err := ParseFeedCursor("after", want.String(), "bob"); CodeOf(err) != CodeBadUserInput {
			t.Errorf("%v was taken for another user, as %v, %v", want, got, err)
		}
	}
	for _, bad := range []string{"", "2.1.1", "2.1.t", "2.1.t-1", "2.1.t01", "2.1.T1", "1.1.t1", "3.1.t1", "2.t1", "2.1.tt1",
		"2.1.t1-", "2.1.t1-2", "2.1.t1-2-3", "2.1.t1-2-3-", "2.1.t1-02-3-a", "2.1.t1-2--3-a", "2.1.t1-2-3-A", "2.1.t1-2-3-" + chatA + "0",
	} {
		for _, s := range []string{bad, bad + "." + tagOf("ann")} {
			if got, err := ParseFeedCursor("after", s, "ann"); CodeOf(err) != CodeBadUserInput {
				t.Errorf("%q was read as %v, %v", s, got, err)
			}
		}
	}
}

// TestIdentity: after a restore numbers repeat, and nothing else of an event may tell the two apart.
func TestIdentity(t *testing.T) {
	t.Parallel()
	one := &Event{ChatID: chatA, Epoch: 1, Seq: 7}
	for _, other := range []*Event{{ChatID: chatA, Epoch: 2, Seq: 7}, {ChatID: chatA, Epoch: 1, Seq: 8}, {ChatID: chatB, Epoch: 1, Seq: 7}} {
		if other.Identity() == one.Identity() {
			t.Errorf("%+v and %+v are both %s", one, other, one.Identity())
		}
	}
	if again := (&Event{ChatID: chatA, Epoch: 1, Seq: 7, Repeated: true}); again.Identity() != one.Identity() {
		t.Errorf("the same event is %s and %s", one.Identity(), again.Identity())
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add("2.1.1." + tagOf(chatA))
	f.Add("2.1.t1772357400000000." + tagOf("ann"))
	f.Add("2.01.1." + tagOf(chatA))
	f.Fuzz(func(t *testing.T, s string) {
		if c, err := ParseCursor("after", s, chatA); err == nil && (c.String() != s || c.Epoch < 0 || c.Seq < 0) {
			t.Errorf("%q was read as %v, which is written %q", s, c, c)
		}
		if c, err := ParseFeedCursor("after", s, "ann"); err == nil && c.String() != s {
			t.Errorf("%q was read as %v, which is written %q", s, c, c)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	chat := Key{At: time.Date(2026, 3, 1, 9, 30, 0, 1000, time.UTC), ID: NewID()}
	if got, err := ParseChatKey("after", chat.ChatCursor()); err != nil || got != chat {
		t.Errorf("%v came back as %v, %v", chat, got, err)
	}
	message := Key{ChatID: chatA, Seq: 42}
	if got, err := ParseMessageKey(chatA)("after", message.MessageCursor()); err != nil || got != message {
		t.Errorf("%v came back as %v, %v", message, got, err)
	}
	if got, err := ParseMessageKey(chatB)("after", message.MessageCursor()); CodeOf(err) != CodeBadUserInput {
		t.Errorf("%v was taken for another chat, as %v, %v", message, got, err)
	}
	for _, bad := range []string{"", "x", "!", message.MessageCursor(), chat.ChatCursor() + "=", chat.ChatCursor() + "A", Cursor{chatA, 1, 1}.String()} {
		if got, err := ParseChatKey("after", bad); CodeOf(err) != CodeBadUserInput {
			t.Errorf("%q was read as %v, %v", bad, got, err)
		}
	}
	for _, bad := range []string{"", "x", chat.ChatCursor(), Key{ChatID: chatA, Seq: -1}.MessageCursor(), "bTE6Nw", message.MessageCursor() + "\n"} {
		if got, err := ParseMessageKey(chatA)("before", bad); CodeOf(err) != CodeBadUserInput {
			t.Errorf("%q was read as %v, %v", bad, got, err)
		}
	}
}

func FuzzParseKeys(f *testing.F) {
	f.Add(Key{ChatID: chatA, Seq: 1}.MessageCursor())
	f.Add(Key{At: time.Unix(1, 0), ID: "01234567-89ab-7cde-8f01-23456789abcd"}.ChatCursor())
	f.Fuzz(func(t *testing.T, s string) {
		if k, err := ParseMessageKey(chatA)("after", s); err == nil && k.MessageCursor() != s {
			t.Errorf("%q was read as %v", s, k)
		}
		if k, err := ParseChatKey("after", s); err == nil {
			if again, err := ParseChatKey("after", k.ChatCursor()); err != nil || again != k {
				t.Errorf("%q was read as %v, then as %v, %v", s, k, again, err)
			}
		}
	})
}

func TestNewPage(t *testing.T) {
	t.Parallel()
	number := func(n int) *int { return &n }
	text := func(s string) *string { return &s }
	key := Key{ChatID: chatA, Seq: 7}
	cursor := key.MessageCursor()
	fallback := Page{Limit: 50, Backward: true}
	for _, test := range []struct {
		reason        string
		first         *int
		after         *string
		last          *int
		before        *string
		want          Page
		field, refuse string
	}{
		{reason: "nothing said", want: fallback},
		{reason: "first", first: number(3), want: Page{Limit: 3}},
		{reason: "last", last: number(3), want: Page{Limit: 3, Backward: true}},
		{reason: "none", first: number(0), want: Page{}},
		{reason: "the most", last: number(MaxPage), want: Page{Limit: MaxPage, Backward: true}},
		{reason: "cursors", first: number(1), after: &cursor, before: &cursor, want: Page{Limit: 1, After: &key, Before: &key}},
		{reason: "a cursor alone", after: &cursor, want: Page{Limit: 50, Backward: true, After: &key}},
		{reason: "both", first: number(1), last: number(1), field: "last"},
		{reason: "negative", first: number(-1), field: "first"},
		{reason: "negative", last: number(-1), field: "last"},
		{reason: "too many", first: number(MaxPage + 1), field: "first"},
		{reason: "far too many", last: number(math.MaxInt), field: "last"},
		{reason: "nonsense", after: text("nonsense"), field: "after"},
		{reason: "nonsense", before: text("nonsense"), field: "before"},
		{reason: "of another chat", after: text(Key{ChatID: chatB, Seq: 7}.MessageCursor()), field: "after"},
		{reason: "what an empty page gave", after: text(""), before: text(""), want: fallback},
	} {
		got, err := NewPage(test.first, test.after, test.last, test.before, ParseMessageKey(chatA), fallback)
		if test.field != "" {
			if e, ok := errors.AsType[*Error](err); !ok || e.Code != CodeBadUserInput || e.Field != test.field {
				t.Errorf("%s: got %v, want BAD_USER_INPUT of %s", test.reason, err, test.field)
			}
			continue
		}
		if err != nil || !samePage(got, test.want) {
			t.Errorf("%s: got %+v, %v", test.reason, got, err)
		}
	}
}

func samePage(a, b Page) bool {
	same := func(a, b *Key) bool { return a == b || a != nil && b != nil && *a == *b }
	return a.Limit == b.Limit && a.Backward == b.Backward && same(a.After, b.After) && same(a.Before, b.Before)
}

func TestParseID(t *testing.T) {
	t.Parallel()
	const canonical = "01890a5d-ac96-774b-bcce-b302099a8057"
	for _, s := range []string{canonical, strings.ToUpper(canonical), "00000000-0000-0000-0000-000000000000"} {
		if got, err := ParseID("id", s); err != nil || got != strings.ToLower(s) {
			t.Errorf("%q: got %q, %v", s, got, err)
		}
	}
	for _, bad := range []string{
		"", "x", strings.ReplaceAll(canonical, "-", ""), "{" + canonical + "}", "urn:uuid:" + canonical, canonical + " ",
		canonical[:35] + "g", strings.Replace(canonical, "-", "_", 1), canonical[:35] + "\x00", canonical[:34] + "é",
	} {
		if got, err := ParseID("id", bad); CodeOf(err) != CodeBadUserInput {
			t.Errorf("%q: got %q, %v", bad, got, err)
		}
	}
	a, b := NewID(), NewID()
	if got, err := ParseID("id", a); err != nil || got != a || a >= b {
		t.Errorf("new ids %s and %s do not sort by time: %v", a, b, err)
	}
}

func TestEventEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		event Event
		want  bool
	}{
		{Event{Kind: ChatDeleted}, true},
		{Event{Kind: MemberRemoved, Member: &Member{UserID: "mia"}}, true},
		{Event{Kind: MemberRemoved, Member: &Member{UserID: "other"}}, false},
		{Event{Kind: MemberAdded, Member: &Member{UserID: "mia"}}, false},
		{Event{Kind: MessageSent, Message: &Message{}}, false},
	} {
		if got := test.event.Ends("mia"); got != test.want {
			t.Errorf("%+v: got %t", test.event, got)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := BadInput("title", "must not be empty.")
	err := Unavailable(cause)
	if CodeOf(err) != CodeUnavailable || CodeOf(nil) != "" || CodeOf(strconvError()) != CodeInternal {
		t.Error("codes are wrong")
	}
	if e, _ := errors.AsType[*Error](err); strings.Contains(e.Message, "title") || !strings.Contains(e.Error(), "title") || !errors.Is(e.Unwrap(), cause) {
		t.Errorf("the cause belongs into the log and not into the message: %q, %q", e.Message, e.Error())
	}
}

func strconvError() error {
	_, err := parseCount("x")
	return err
}
