package cache

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"studychat/db"
)

func TestBodyRoundTrip(t *testing.T) {
	t.Parallel()
	module, later := "module 7", epochStart.Add(time.Hour)
	plain := newFakeStore().newChat("ann")
	rich := newFakeStore().newChat("ann", "bob <&>")
	rich.ModuleID, rich.FloorSeq, rich.DeletedAt = &module, 3, &later
	rich.Newest.Messages[0].EditedAt, rich.Newest.Messages[0].DeletedAt = &later, &later
	rich.Newest.Messages[0].Content = "quotes \" \\ new\nline tab\t ünïcode 🙂 \u2029 </script>"
	empty := &db.Chat{ID: db.NewID(), CreatedAt: epochStart, LastAt: epochStart, Members: []*db.Member{}, Newest: &db.Newest{Messages: []*db.Message{}}}
	for name, chat := range map[string]*db.Chat{"plain": plain, "rich": rich, "no message": empty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw, err := encodeValue(chat.HeadSeq, chat)
			if err != nil {
				t.Fatal(err)
			}
			v := parseValue(string(raw))
			got, err := decodeChat(v, chat.ID)
			if err != nil || v.state != stateBody || v.version != chat.HeadSeq {
				t.Fatalf("%v, state %d, version %d", err, v.state, v.version)
			}
			if !reflect.DeepEqual(got, chat) {
				t.Errorf("got  %+v\nwant %+v", got, chat)
			}
		})
	}
}

func TestListRoundTrip(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	store.newChat("ann", "bob")
	store.newChat("ann")
	list, err := store.Chats(t.Context(), "ann", nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []*db.ChatList{list, {Chats: []*db.Chat{}, HasNext: true, HasPrev: true, Cursor: list.Cursor}} {
		raw, err := encodeValue(0, want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeList(parseValue(string(raw)), "ann")
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v, want %+v", err, got, want)
		}
		if got, err := decodeList(parseValue(string(raw)), "bob"); err == nil {
			t.Errorf("another viewer's list is taken: %+v", got)
		}
	}
}

func TestReadMarksAreNotCached(t *testing.T) {
	t.Parallel()
	chat := newFakeStore().newChat("ann")
	chat.Members[0].ReadSeq = 987654
	raw, err := encodeValue(1, chat)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(raw), "987654") {
		t.Error("one viewer's read mark would be shown to all")
	}
}

func TestParseValue(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]value{
		"b12|{}":       {state: stateBody, version: 12, body: "{}"},
		"b0||":         {state: stateBody, body: "|"},
		"labc":         {state: stateLease},
		"dabc:1,def:2": {state: stateMark},
		"":             {state: stateUnknown},
		"b":            {state: stateUnknown},
		"b12":          {state: stateUnknown},
		"b1x|{}":       {state: stateUnknown},
		"{}":           {state: stateUnknown},
		"\x00":         {state: stateUnknown},
	} {
		if got := parseValue(raw); got != want {
			t.Errorf("%q: %+v, want %+v", raw, got, want)
		}
	}
}
