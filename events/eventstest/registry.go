package eventstest

import (
	"slices"
	"testing"

	"studychat/db"
	"studychat/events"
)

// StartRegistry starts a registry. It stops with the test.
func StartRegistry[R events.Registry](t *testing.T, r R) R {
	t.Helper()
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Stop)
	return r
}

// ChatOf returns a chat with members.
func ChatOf(id string, members ...string) *db.Chat {
	c := &db.Chat{ID: id}
	for _, m := range members {
		c.Members = append(c.Members, &db.Member{UserID: m})
	}
	return c
}

// ExpectOnline checks who is online in the chat.
func ExpectOnline(t *testing.T, r events.Registry, chat *db.Chat, want ...string) {
	t.Helper()
	got, err := r.Online(t.Context(), []*db.Chat{chat, ChatOf("empty", "ann")})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got[chat.ID], want) {
		t.Errorf("online: %v, want %v", got[chat.ID], want)
	}
	if got[chat.ID] == nil {
		t.Error("a nil list")
	}
}

// TestRegistry tries what every registry promises of its own process. It stops the registry.
func TestRegistry(t *testing.T, r events.Registry) {
	ctx := t.Context()
	StartRegistry(t, r)
	chat := ChatOf("c", "cid", "bob", "ann")
	ExpectOnline(t, r, chat)

	add := func(topic events.Topic, user string, wantFirst bool) {
		t.Helper()
		if first := r.Add(ctx, topic, user); first != wantFirst {
			t.Errorf("%s on %s: first = %v", user, topic, first)
		}
	}
	add(events.ChatTopic("c"), "ann", true)
	add(events.ChatTopic("c"), "ann", false)
	add(events.ChatTopic("c"), "eve", true)
	add(events.ChatTopic("other"), "bob", true)
	add(events.UserTopic("cid"), "cid", true)
	ExpectOnline(t, r, chat, "cid", "ann") // in the order of members; users who are not members are not shown

	if r.Remove(ctx, events.ChatTopic("c"), "ann") {
		t.Error("ann is said to be gone while a connection is left")
	}
	ExpectOnline(t, r, chat, "cid", "ann")
	if !r.Remove(ctx, events.ChatTopic("c"), "ann") {
		t.Error("ann is not said to be gone")
	}
	ExpectOnline(t, r, chat, "cid")
	r.Remove(ctx, events.UserTopic("cid"), "cid")
	ExpectOnline(t, r, chat)
	r.Stop()
	r.Stop()
}
