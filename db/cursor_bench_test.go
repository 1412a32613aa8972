package db

import (
	"testing"
	"time"
)

// BenchmarkCursors writes the cursors of which a page has one per element.
func BenchmarkCursors(b *testing.B) {
	key := Key{At: time.UnixMicro(1_700_000_000_000_000), ID: NewID(), ChatID: NewID(), Seq: 12345}
	chat := Cursor{ChatID: key.ChatID, Epoch: 1, Seq: 12345}
	feed := FeedCursor{User: "auth0|0123456789abcdef", Epoch: 1, At: key.At}
	for name, write := range map[string]func() string{
		"chat": key.ChatCursor, "message": key.MessageCursor, "event": chat.String, "feed": feed.String,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				write()
			}
		})
	}
}
