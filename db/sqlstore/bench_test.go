package sqlstore_test

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// BenchmarkPage reads pages at the start, in the middle and at the end of a chat with 100,000 messages. Besides the
// time of a page it reports how much slower the slowest place is than the fastest: that should stay below 1.5.
func BenchmarkPage(b *testing.B) {
	const messages = 100_000
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgres} {
		b.Run(name, func(b *testing.B) {
			store := openStore(b, url(b), sqlstore.OpenOptions{})
			chat := fillMany(b, store, messages)
			places := []int64{2, messages / 2, messages - 60}
			samples := make([][]time.Duration, len(places))
			for b.Loop() {
				for i, seq := range places { // in turns, so that a busy machine slows all of them alike
					start := time.Now()
					readPage(b, store, chat, seq)
					samples[i] = append(samples[i], time.Since(start))
				}
			}
			var medians []time.Duration
			for i, s := range samples {
				slices.Sort(s)
				medians = append(medians, s[len(s)/2])
				b.ReportMetric(float64(s[len(s)/2].Microseconds()), []string{"first-µs", "middle-µs", "last-µs"}[i])
			}
			b.ReportMetric(float64(slices.Max(medians))/float64(slices.Min(medians)), "slowest/fastest")
		})
	}
}

func readPage(b *testing.B, store *sqlstore.Store, chat string, after int64) {
	page := db.Page{Limit: db.MessagePage, After: &db.Key{Seq: after}}
	lists, err := store.Messages(b.Context(), "owner", []string{chat}, page)
	if err != nil || len(lists[chat].Messages) != db.MessagePage {
		b.Fatal(lists, err)
	}
}

// fillMany makes a chat with n messages without sending each: that would take minutes.
func fillMany(b *testing.B, store *sqlstore.Store, n int) string {
	b.Helper()
	id := db.NewID()
	if _, err := store.CreateChat(b.Context(), "owner", db.NewChat{ID: id, Title: "A long chat"}); err != nil {
		b.Fatal(err)
	}
	const batch = 1000
	for from := 0; from < n; from += batch {
		rows := make([]*db.Message, batch)
		for i := range rows {
			rows[i] = &db.Message{
				ID: db.NewID(), ChatID: id, Seq: int64(from + i + 2), Author: "owner", Role: db.RoleUser,
				Content: strings.Repeat("text ", 20), CreatedAt: time.Now(),
			}
		}
		if _, err := store.Bun().NewInsert().Model(&rows).Exec(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := store.Bun().NewRaw("UPDATE chats SET head_seq = ?", n+1).Exec(b.Context()); err != nil {
		b.Fatal(err)
	}
	return id
}

// BenchmarkSend sends into one chat, alone and with eight writers, which wait for each other.
func BenchmarkSend(b *testing.B) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteFile, "postgres": postgres} {
		for _, writers := range []int{1, 8} {
			b.Run(fmt.Sprint(name, "/", writers), func(b *testing.B) {
				store := openStore(b, url(b), sqlstore.OpenOptions{})
				chat := fillMany(b, store, 1000)
				b.SetParallelism(writers)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						message := db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "text"}
						if _, err := store.SendMessage(b.Context(), "owner", message); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

// BenchmarkSendCrowd has 64 writers, into one chat and into 64, over as many connections as the program has unless it is told.
func BenchmarkSendCrowd(b *testing.B) {
	for name, chats := range map[string]int{"hot": 1, "spread": 64} {
		b.Run(name, func(b *testing.B) {
			store := openStore(b, postgres(b), sqlstore.OpenOptions{MaxConns: 20})
			ids := fill(b, store, "owner", chats)
			var writers atomic.Int64
			b.SetParallelism(64 / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				chat := ids[int(writers.Add(1))%chats]
				for pb.Next() {
					message := db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: "text"}
					if _, err := store.SendMessage(b.Context(), "owner", message); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// BenchmarkPruneStep deletes a thousand messages in one transaction: as long as a writer of the chat may have to wait.
func BenchmarkPruneStep(b *testing.B) {
	for name, url := range map[string]string{"sqlite": sqliteFile(b), "postgres": postgres(b)} {
		b.Run(name, func(b *testing.B) {
			store := openStore(b, url, sqlstore.OpenOptions{})
			for b.Loop() {
				b.StopTimer()
				fillMany(b, store, 998)
				b.StartTimer()
				if _, err := store.Prune(b.Context(), time.Now().Add(time.Hour)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
