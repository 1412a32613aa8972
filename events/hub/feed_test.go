package hub

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

func feed(t *testing.T, h *Hub, viewer string, after *db.FeedCursor) events.Stream {
	t.Helper()
	s, err := h.Feed(t.Context(), viewer, after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	if start := started(t, s); start.Started.ChatID != "" || after != nil && start.Cursor != after.String() {
		t.Fatalf("the feed after %v begins with %+v of %+v", after, start.Started, start)
	}
	return s
}

func viewerOf(s events.Stream) string { return s.(*feedStream).viewer }

// collect takes items until nothing has come for three seconds and returns "chat seq" words, and the last cursor.
func collect(t *testing.T, s events.Stream) (got []string, cursor *db.FeedCursor) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		item, err := s.Next(ctx)
		cancel()
		if err != nil {
			return got, cursor
		}
		c, err := db.ParseFeedCursor("cursor", item.Cursor, viewerOf(s))
		if err != nil {
			t.Fatal(err)
		}
		cursor = &c
		switch {
		case item.Started != nil:
			got = append(got, "STARTED")
		case item.Event != nil:
			got = append(got, fmt.Sprintf("%s:%d", item.Event.ChatID, item.Event.Seq))
		case item.Reset != nil:
			got = append(got, fmt.Sprintf("%s:%s", item.Reset.ChatID, item.Reset.Reason))
		case item.Ephemeral != nil:
			got = append(got, fmt.Sprintf("%s:%s", item.Ephemeral.ChatID, item.Ephemeral.Kind))
		}
	}
}

// idle waits on the stream for that long and expects nothing.
func idle(t *testing.T, s events.Stream, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if item, err := s.Next(ctx); err == nil {
		t.Fatalf("%+v came, want nothing", item)
	}
}

func expectFeed(t *testing.T, s events.Stream, want string) *db.FeedCursor {
	t.Helper()
	got, cursor := collect(t, s)
	if g := strings.Join(got, " "); g != want {
		t.Fatalf("the feed gave %q, want %q", g, want)
	}
	return cursor
}

// createAnd announces a chat as the publisher does.
func createAnd(bus events.Bus, repo *fakeLog, chatID, owner string, members ...string) {
	publish(bus, repo.create(chatID, owner, members...))
	for _, user := range append(members, owner) {
		bus.Publish(context.Background(), events.Notification{Topic: events.UserTopic(user)})
	}
}

func TestFeedLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create("one", "ann")
		repo.create("two", "ann")
		repo.create("foreign", "eve")
		sleep(time.Hour) // what is older than the overlap is not told again
		s := feed(t, h, "ann", nil)
		publish(bus, repo.send("one", "ann", "hi"))
		publish(bus, repo.send("foreign", "eve", "hi"))
		publish(bus, repo.send("one", "ann", "hi"))
		expectFeed(t, s, "one:2 one:3")
		publish(bus, repo.send("two", "ann", "hi"))
		expectFeed(t, s, "two:2")
	})
}

func TestFeedJoinsAndLeaves(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprint("notified=", told), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				say := bus
				if !told {
					say = events.NewMemoryBus() // that nobody hears
				}
				s := feed(t, h, "bob", nil)
				createAnd(say, repo, "new", "bob")
				expectFeed(t, s, "new:1")

				repo.create("group", "ann")
				repo.send("group", "ann", "long ago")
				idle(t, s, time.Hour)
				publish(say, repo.add("group", "ann", "bob"))
				say.Publish(t.Context(), events.Notification{Topic: events.UserTopic("bob")})
				expectFeed(t, s, "group:3")

				publish(say, repo.send("group", "ann", "hi"))
				publish(say, repo.remove("group", "ann", "bob"))
				publish(say, repo.send("group", "ann", "secret"))
				expectFeed(t, s, "group:4 group:5")
				idle(t, s, 3*db.FeedOverlap)
				publish(say, repo.send("group", "ann", "secret"))
				idle(t, s, 3*db.FeedOverlap)

				publish(say, repo.add("group", "ann", "bob"))
				say.Publish(t.Context(), events.Notification{Topic: events.UserTopic("bob")})
				got, _ := collect(t, s)
				if g := strings.Join(got, " "); g != "group:8" {
					t.Errorf("after joining again: %q", g)
				}
				publish(say, repo.delete("group", "ann"))
				expectFeed(t, s, "group:9")
				idle(t, s, 3*db.FeedOverlap)
			})
		})
	}
}

func TestFeedResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		for _, id := range []string{"busy", "quiet", "left", "deleted", "back"} {
			repo.create(id, "ann", "bob")
		}
		sleep(time.Hour)
		s := feed(t, h, "bob", nil)
		publish(bus, repo.send("busy", "ann", "seen"))
		cursor := expectFeed(t, s, "busy:2")
		s.Close()

		sleep(time.Hour)
		repo.send("busy", "ann", "missed")
		repo.send("left", "ann", "missed")
		repo.remove("left", "ann", "bob")
		repo.send("left", "ann", "secret")
		repo.delete("deleted", "ann")
		repo.create("joined", "ann", "bob")
		repo.remove("back", "ann", "bob")
		repo.add("back", "ann", "bob")
		sleep(time.Hour)

		s = feed(t, h, "bob", cursor)
		got, next := collect(t, s)
		for _, want := range []string{"busy:3", "left:2", "left:3", "deleted:2", "joined:1", "back:2", "back:3"} {
			if !strings.Contains(" "+strings.Join(got, " ")+" ", " "+want+" ") {
				t.Errorf("%s is missing in %q", want, got)
			}
		}
		for _, never := range []string{"left:4", "quiet:", "busy:1 ", "back:1 ", "EXPIRED"} {
			if strings.Contains(strings.Join(got, " ")+" ", never) {
				t.Errorf("%s is in %q", never, got)
			}
		}
		if next.At.Before(cursor.At) {
			t.Errorf("the watermark went back from %v to %v", cursor.At, next.At)
		}
	})
}

func TestFeedWatermarkStaysBehindWhatIsNotDelivered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create("one", "ann")
		repo.create("two", "ann")
		sleep(time.Hour)
		s := feed(t, h, "ann", nil)
		var missed *db.Event
		for range 3 {
			missed = repo.send("one", "ann", "nobody was told")
		}
		sleep(time.Minute) // the reader is slow
		publish(bus, repo.send("two", "ann", "hi"))
		for left := 3; left > 0; {
			item, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if item.Event.ChatID == "one" {
				left--
			}
			cursor, err := db.ParseFeedCursor("", item.Cursor, viewerOf(s))
			if err != nil {
				t.Fatal(err)
			}
			if left > 0 && !cursor.At.Before(missed.At) {
				t.Fatalf("the watermark %v is past an event of %v that was not delivered", cursor.At, missed.At)
			}
		}
		sleep(time.Minute)
		publish(bus, repo.send("two", "ann", "later"))
		if _, c := collect(t, s); !c.At.After(missed.At) {
			t.Errorf("the watermark %v does not move on", c.At)
		}
	})
}

func TestFeedResets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		after  func(now time.Time) db.FeedCursor
		want   string
	}{
		{"another epoch", func(now time.Time) db.FeedCursor { return db.FeedCursor{User: "ann", Epoch: 3, At: now} }, ":EPOCH"},
		{"a time to come", func(now time.Time) db.FeedCursor {
			return db.FeedCursor{User: "ann", Epoch: 1, At: now.Add(time.Minute)}
		}, ":AHEAD"},
		{"before tombstones began", func(now time.Time) db.FeedCursor {
			return db.FeedCursor{User: "ann", Epoch: 1, At: now.Add(-31 * 24 * time.Hour)}
		}, ":EXPIRED"},
		{"now", func(now time.Time) db.FeedCursor { return db.FeedCursor{User: "ann", Epoch: 1, At: now} }, ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), events.NewMemoryBus()
				h := startHub(t, repo, bus)
				repo.create("one", "ann")
				sleep(time.Hour)
				cursor := c.after(now())
				s := feed(t, h, "ann", &cursor)
				expectFeed(t, s, c.want)
				publish(bus, repo.send("one", "ann", "hi"))
				expectFeed(t, s, "one:2")
			})
		})
	}
}

func TestFeedEpochChangesUnderIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create("one", "ann")
		repo.create("two", "ann")
		s := feed(t, h, "ann", nil)
		repo.restore(1, true)
		sleep(2 * time.Second)
		expectFeed(t, s, ":EPOCH")
		publish(bus, repo.send("two", "ann", "hi"))
		expectFeed(t, s, "two:2")
	})
}

func TestFeedOfAThousandChats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		const n = 1000
		for i := range n {
			repo.create(fmt.Sprint("chat", i), "ann")
		}
		sleep(time.Hour)
		cursor := db.FeedCursor{User: "ann", Epoch: 1, At: now()}
		for i := range n {
			for range 3 {
				repo.send(fmt.Sprint("chat", i), "ann", "hi")
			}
		}
		s := feed(t, h, "ann", &cursor)
		got, _ := collect(t, s)
		if len(got) != 3*n {
			t.Errorf("%d events, want %d", len(got), 3*n)
		}
	})
}
