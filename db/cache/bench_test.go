package cache

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"studychat/db"
)

// listening has a rig trust Redis as in an instance that hears of others, for the length of the benchmark.
func listening(b *testing.B, r *rig) {
	b.Helper()
	b.Cleanup(r.guard.StartSharing(b.Context(), newBoard()))
	r.guard.Pulse(db.Pulse{Asked: time.Now().Add(time.Hour)})
}

// BenchmarkHit reads a cached chat of 50 messages of 200 bytes: one GET and its decoding.
func BenchmarkHit(b *testing.B) {
	store := newFakeStore()
	r := newRig(b, store, newRedis(b).Addr(), tuning{}, Options{})
	listening(b, r)
	chat := store.newChat("ann", "bob")
	for range db.MessagePage - 1 {
		chat.Newest.Messages = append(chat.Newest.Messages, &db.Message{ID: db.NewID(), ChatID: chat.ID, Author: "ann", Role: db.RoleUser,
			Content: strings.Repeat("word ", 40), CreatedAt: epochStart})
	}
	r.chat(b, "ann", chat.ID)
	for b.Loop() {
		r.chat(b, "ann", chat.ID)
	}
	if r.guard.Stats().Hits < int64(b.N) || store.chatReads.Load() > 1 {
		b.Error("not all were hits")
	}
}

// BenchmarkMarkAndFinish is what a write costs more with a cache.
func BenchmarkMarkAndFinish(b *testing.B) {
	for _, members := range []int{2, db.MaxGuardedMembers} {
		b.Run(fmt.Sprint(members, " members"), func(b *testing.B) {
			store := newFakeStore()
			r := newRig(b, store, newRedis(b).Addr(), tuning{}, Options{})
			listening(b, r)
			write := db.Write{ChatID: db.NewID()}
			for i := range members {
				write.Members = append(write.Members, fmt.Sprint("user", i))
			}
			for b.Loop() {
				r.guard.Mark(b.Context(), write)(db.Committed)
			}
		})
	}
}

// BenchmarkRedisAway is what a read costs more while Redis is down.
func BenchmarkRedisAway(b *testing.B) {
	store := newFakeStore()
	r := started(b, newRig(b, store, blackHole, impatient(), Options{}))
	chat := store.newChat("ann")
	r.chat(b, "ann", chat.ID)
	eventually(b, "down", r.guard.link.Health.Down)
	for b.Loop() {
		r.chat(b, "ann", chat.ID)
	}
}
