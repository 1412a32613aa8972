package hub

import (
	"testing"
	"testing/synctest"

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
		m := w.follow("bob", -1, &audience{key: "all"})
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
		want("after the end", alone, head+1, 2)
	})
}

// TestPlaceOfAFeed: how many chats it has, and how many may have news.
func TestPlaceOfAFeed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		s, err := w.hub.Feed(t.Context(), "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		started(t, s)
		before := placeOf(t, s)
		w.send(1)
		synctest.Wait()
		if got := placeOf(t, s); got.ChatID != "" || got.Chats != 1 || got.Waiting != 1 {
			t.Errorf("%+v, before %+v", got, before)
		}
	})
}
