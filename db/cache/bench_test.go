package cache

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
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

// cpuTime is what this process has used, with the system's part.
func cpuTime() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// callers runs call in so many goroutines at once, and reports the CPU of one call beside its time.
func callers(b *testing.B, n int, call func() error) {
	b.Helper()
	b.SetParallelism((n + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	before := cpuTime()
	b.RunParallel(func(loop *testing.PB) {
		for loop.Next() {
			if err := call(); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/op")
}

// benchHit reads what is cached: by a plain GET of the same value, by one whose body has to be decoded, and by a hit.
func benchHit(b *testing.B, r *rig, key string, read func() error) {
	b.Helper()
	if err := read(); err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 64} {
		b.Run(fmt.Sprint("GET/", n), func(b *testing.B) {
			callers(b, n, func() error { return r.guard.link.Client.Get(b.Context(), key).Err() })
		})
		b.Run(fmt.Sprint("undecoded/", n), func(b *testing.B) {
			kept := r.cache.tier
			r.cache.tier = newTier(0, 1)
			callers(b, n, read)
			r.cache.tier = kept
		})
		b.Run(fmt.Sprint("hit/", n), func(b *testing.B) {
			before := r.guard.Stats()
			callers(b, n, read)
			if after := r.guard.Stats(); after.Hits < before.Hits+int64(b.N) || after.Decodes > before.Decodes {
				b.Errorf("not all were hits on a decoded body: %+v", after)
			}
		})
	}
}

// pageOf is a chat with 50 messages of 200 bytes.
func pageOf(store *fakeStore, members ...string) *db.Chat {
	chat := store.newChat(members...)
	for len(chat.Newest.Messages) < db.MessagePage {
		chat.Newest.Messages = append(chat.Newest.Messages, &db.Message{ID: db.NewID(), ChatID: chat.ID, Author: members[0], Role: db.RoleUser,
			Content: strings.Repeat("word ", 40), CreatedAt: epochStart})
	}
	return chat
}

// BenchmarkCachedChat reads a cached chat, as one of its 2 or 500 members.
func BenchmarkCachedChat(b *testing.B) {
	for _, members := range []int{2, db.MaxMembers} {
		b.Run(fmt.Sprint(members, " members"), func(b *testing.B) {
			store := newFakeStore()
			r := newRig(b, store, newRedis(b).Addr(), tuning{}, Options{})
			listening(b, r)
			var users []string
			for range members {
				users = append(users, db.NewID())
			}
			chat := pageOf(store, users...)
			benchHit(b, r, r.guard.link.Names.Keys().Chat(chat.ID), func() error {
				_, err := r.cache.Chat(b.Context(), users[members-1], chat.ID)
				return err
			})
		})
	}
}

// BenchmarkCachedList reads a cached list of 20 chats with 5 members and their last message.
func BenchmarkCachedList(b *testing.B) {
	store := newFakeStore()
	r := newRig(b, store, newRedis(b).Addr(), tuning{}, Options{MinEpoch: func() int64 { return 1 }, MinVersion: func(string) int64 { return 1 }})
	listening(b, r)
	for range db.ChatPage {
		pageOf(store, "ann", "bob", "cem", "dot", "eve")
	}
	benchHit(b, r, r.guard.link.Names.Keys().List("ann"), func() error {
		_, err := r.cache.Chats(b.Context(), "ann", nil, db.Page{Limit: db.ChatPage})
		return err
	})
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

// BenchmarkCodec writes and reads the content of a chat with 50 messages.
func BenchmarkCodec(b *testing.B) {
	chat := pageOf(newFakeStore(), "ann", "bob")
	raw := encodeValue(1, chat, appendChat)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			encodeValue(1, chat, appendChat)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(raw)))
		b.ReportAllocs()
		for b.Loop() {
			if _, _, err := decodeChat(parseValue(raw).content, chat.ID); err != nil {
				b.Fatal(err)
			}
		}
	})
}
