package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// placeOf is what people see of a stream.
func placeOf(t *testing.T, s events.Stream) events.Place {
	t.Helper()
	placed, ok := s.(events.Placed)
	if !ok {
		t.Fatal("the stream does not tell its place")
	}
	return placed.Place()
}

// TestPlaceOfAStream: alone it is known up to the last call of Next, in a group up to the last round, and after the end it stays.
func TestPlaceOfAStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		want := func(reason string, s events.Stream, seq, behind int64) {
			t.Helper()
			cursor := db.Cursor{ChatID: chatA, Epoch: 1, Seq: seq}.String()
			if got := placeOf(t, s); got != (events.Place{ChatID: chatA, Cursor: cursor, Behind: behind}) {
				t.Errorf("%s: %+v, want %s and %d behind", reason, got, cursor, behind)
			}
		}
		alone, err := w.hub.Chat(t.Context(), "ann", chatA, nil)
		if err != nil {
			t.Fatal(err)
		}
		began := started(t, alone)
		head := w.repo.headSeq(chatA)
		want("at the beginning, "+place(began.Cursor), alone, head, 0)
		m, unseen := w.follow("bob", -1, &audience{key: "all"}), w.follow("bob", -1, &audience{key: "all"})
		synctest.Wait()
		w.send(3)
		synctest.Wait()
		want("nobody calls Next", alone, head, 3)
		want("in a group", m.stream, head+3, 0)
		for range 2 {
			if _, err := alone.Next(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		want("the first of two is delivered for certain", alone, head+1, 2)
		alone.Close()
		unseen.stream.Close()
		want("after the end", alone, head+1, 2)
		want("nobody looked before the end, in a group", unseen.stream, head+3, 0)
	})
}

// TestPlaceOfAFeed: its cursor, how many chats it has, and how many may have news; after the end too, when it holds no chats any more.
func TestPlaceOfAFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		s, err := w.hub.Feed(t.Context(), "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		want := func(reason, cursor string, waiting int) {
			t.Helper()
			if got := placeOf(t, s); got != (events.Place{Cursor: cursor, Chats: 1, Waiting: waiting}) {
				t.Errorf("%s: %+v, want %s and %d waiting", reason, got, cursor, waiting)
			}
		}
		began := started(t, s)
		w.send(2)
		synctest.Wait()
		want("nobody calls Next", began.Cursor, 1)
		item, err := s.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want("one of two", item.Cursor, 1)
		if item, err = s.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if more, err := s.Next(ctx); err == nil {
			t.Fatalf("more: %+v", more)
		}
		for range 2 {
			s.Close()
			want("nobody looked before the end", item.Cursor, 0)
		}
	})
}
