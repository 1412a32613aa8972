package cache

import (
	"fmt"
	"testing"

	"studychat/db"
)

func TestPermissionIsTheMembers(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, manyMembers - 1, manyMembers, db.MaxMembers} {
		var users []string
		for i := range n {
			users = append(users, fmt.Sprint("user", i))
		}
		chat := newFakeStore().newChat(users...)
		body, bytes, err := decodeChatBody(string(appendChat(nil, chat)), chat.ID)
		if err != nil {
			t.Fatal(err)
		}
		if many := n >= manyMembers; many != (body.byUser != nil) {
			t.Errorf("%d members, a map: %t", n, !many)
		}
		if least := n * 40; bytes < least {
			t.Errorf("%d members in %d bytes", n, bytes)
		}
		loaded := &chatBody{chat: chat}
		for _, user := range users {
			if !body.has(user) || !loaded.has(user) {
				t.Fatalf("%s of %d is not a member", user, n)
			}
		}
		for _, stranger := range []string{"", "user", fmt.Sprint("user", n), "USER0"} {
			if body.has(stranger) || loaded.has(stranger) {
				t.Errorf("%q is a member of %d", stranger, n)
			}
		}
	}
}

func TestAStrangerIsRefusedByADecodedBody(t *testing.T) {
	t.Parallel()
	var crowd []string
	for i := range manyMembers {
		crowd = append(crowd, fmt.Sprint("user", i))
	}
	for _, users := range [][]string{{"user0"}, crowd} {
		store := newFakeStore()
		r := newRig(t, store, newRedis(t).Addr(), tuning{}, Options{})
		chat := store.newChat(users...)
		r.chat(t, "user0", chat.ID)
		reads := store.chatReads.Load()
		if _, err := r.cache.Chat(t.Context(), "ann", chat.ID); db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("of %d members: %v", len(users), err)
		}
		if store.chatReads.Load() != reads {
			t.Error("the database was asked")
		}
	}
}
