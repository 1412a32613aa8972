package cache

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"studychat/db"
)

func TestParseValue(t *testing.T) {
	t.Parallel()
	whole := encodeValue(0x0102030405060708, "content", appendString)
	if want := "b\x01\x02\x03\x04\x05\x06\x07\x08"; whole[:headerBytes] != want {
		t.Errorf("the header is %q, want %q", whole[:headerBytes], want)
	}
	for raw, want := range map[string]value{
		whole:                               {state: stateBody, fill: 0x0102030405060708, content: "\acontent"},
		encodeValue(1, "", appendString):    {state: stateBody, fill: 1, content: "\x00"},
		"labc":                              {state: stateLease},
		"dabc:1,def:2":                      {state: stateMark},
		"":                                  {state: stateUnknown},
		"b":                                 {state: stateUnknown},
		whole[:headerBytes]:                 {state: stateUnknown},
		whole[:headerBytes+sumBytes]:        {state: stateUnknown},
		whole[:len(whole)-1]:                {state: stateUnknown},
		whole + "x":                         {state: stateUnknown},
		strings.Replace(whole, "c", "C", 1): {state: stateUnknown},
		"{}":                                {state: stateUnknown},
		"\x00":                              {state: stateUnknown},
	} {
		if got := parseValue(raw); got != want {
			t.Errorf("%q: %+v, want %+v", raw, got, want)
		}
	}
}

// The header decides whether a value is the one that is known, so it must not need the rest.
func TestTheHeaderIsEnough(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{encodeValue(7, "content", appendString), "l" + newToken(), "d" + newToken() + ":1", "", "?"} {
		state, fill := parseHeader(raw)
		if s, f := parseHeader(raw[:min(len(raw), headerBytes)]); s != state || f != fill {
			t.Errorf("%q: state %d, fill %d; its header alone: %d, %d", raw, state, fill, s, f)
		}
	}
}

func TestNoBitOfABodyCanBeDamagedUnnoticed(t *testing.T) {
	t.Parallel()
	raw := []byte(encodeValue(newFillID(), newFakeStore().newChat("ann", "bob"), appendChat))
	for i := range len(raw) * 8 {
		damaged := bytes.Clone(raw)
		damaged[i/8] ^= 1 << (i % 8)
		if v := parseValue(string(damaged)); v.state == stateBody {
			t.Fatalf("bit %d of %d is changed, and the value is taken", i, len(raw)*8)
		}
	}
	for range 1000 {
		damaged := bytes.Clone(raw)
		at, n := rand.IntN(len(raw)-8), 1+rand.IntN(8)
		for i := range n {
			damaged[at+i] = byte(rand.Uint32())
		}
		if v := parseValue(string(damaged)); v.state == stateBody && !bytes.Equal(damaged, raw) {
			t.Fatalf("%d bytes at %d are changed, and the value is taken", n, at)
		}
	}
}

func TestValuesOfOtherKeysAreRefused(t *testing.T) {
	t.Parallel()
	store := newFakeStore()
	chat := store.newChat("ann", "bob")
	list, err := store.Chats(t.Context(), "ann", nil, db.Page{Limit: db.ChatPage})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := decodeChat(string(appendChat(nil, chat)), db.NewID()); err == nil {
		t.Errorf("another chat is taken: %+v", got)
	}
	if got, _, err := decodeList(string(appendList(nil, list)), "bob"); err == nil {
		t.Errorf("another viewer's list is taken: %+v", got)
	}
	if got, _, err := decodeList(string(appendChat(nil, chat)), ""); err == nil {
		t.Errorf("a chat is taken for a list: %+v", got)
	}
	if got, _, err := decodeChat(string(appendList(nil, list)), ""); err == nil {
		t.Errorf("a list is taken for a chat: %+v", got)
	}
}
