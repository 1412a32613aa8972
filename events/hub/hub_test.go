package hub

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
)

const chatA = "aaaaaaaa-0000-4000-8000-000000000000"

// startHub starts a hub on the bus; it stops with the test.
func startHub(t *testing.T, repo db.EventReads, bus events.Bus) *Hub {
	t.Helper()
	h := New(repo, bus, events.NewMemoryRegistry(), eventstest.Log(t))
	if err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Stop)
	return h
}

// publish announces a committed event as the publisher does.
func publish(bus events.Bus, event *db.Event) *db.Event {
	bus.Publish(context.Background(), events.Notification{Topic: events.ChatTopic(event.ChatID), Epoch: event.Epoch, Seq: event.Seq, Event: event})
	return event
}

func follow(t *testing.T, h *Hub, viewer, chatID string, after int64) events.Stream {
	t.Helper()
	var cursor *db.Cursor
	if after >= 0 {
		cursor = &db.Cursor{ChatID: chatID, Epoch: 1, Seq: after}
	}
	s, err := h.Chat(t.Context(), viewer, chatID, cursor)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	start := started(t, s)
	if start.Started.ChatID != chatID || cursor != nil && start.Cursor != cursor.String() || cursor == nil && start.Started.Resumed {
		t.Fatalf("the stream after %v begins with %+v of %+v", cursor, start.Started, start)
	}
	return s
}

// started takes the first item of a stream, which says from where it goes on.
func started(t testing.TB, s events.Stream) events.Item {
	t.Helper()
	item, err := s.Next(t.Context())
	if err != nil || item.Started == nil || item.Event != nil || item.Ephemeral != nil || item.Reset != nil || item.At.IsZero() {
		t.Fatalf("a stream begins with %+v, %v", item, err)
	}
	return item
}

// place is a cursor of a chat's log without what is the same in all of a test: "<epoch>.<seq>".
func place(cursor string) string {
	parts := strings.Split(cursor, ".")
	if len(parts) != 4 || parts[0] != "2" {
		return "not a cursor: " + cursor
	}
	return parts[1] + "." + parts[2]
}

// expect takes the next items and describes them, one word each: a number for an event, else the kind.
func expect(t *testing.T, s events.Stream, want string) {
	t.Helper()
	var got []string
	for range strings.Fields(want) {
		got = append(got, describe(t, s))
	}
	if g := strings.Join(got, " "); g != want {
		t.Fatalf("the stream gave %q, want %q", g, want)
	}
}

func describe(t *testing.T, s events.Stream) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	item, err := s.Next(ctx)
	switch {
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.Is(err, events.ErrStopped):
		return "STOPPED"
	case errors.Is(err, context.DeadlineExceeded):
		return "NOTHING"
	case err != nil:
		return string(db.CodeOf(err))
	case item.Reset != nil:
		return string(item.Reset.Reason) + ":" + place(item.Cursor)
	case item.Ephemeral != nil:
		return string(item.Ephemeral.Kind) + ":" + item.Ephemeral.User
	case item.Started != nil:
		return "STARTED:" + place(item.Cursor)
	default:
		return place(item.Cursor)
	}
}

func TestHubLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann", "bob")
		s := follow(t, h, "bob", chatA, -1)
		reads := repo.count("Log")
		for range 3 {
			publish(bus, repo.send(chatA, "ann", "hi"))
		}
		expect(t, s, "1.2 1.3 1.4")
		if got := repo.count("Log"); got != reads {
			t.Errorf("%d reads of the log for events that came in order", got-reads)
		}
	})
}

func TestHubReplaysThenLive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		for range 250 {
			repo.send(chatA, "ann", "old")
		}
		s := follow(t, h, "ann", chatA, 0)
		publish(bus, repo.send(chatA, "ann", "new"))
		v := validator{}
		for range 252 {
			item, err := s.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			v.event(item.Event)
		}
		v.end(252)
		for _, p := range v.problems {
			t.Error(p)
		}
	})
}

func TestHubRefusesNonMembers(t *testing.T) {
	t.Parallel()
	repo := newFakeLog()
	h := startHub(t, repo, events.NewMemoryBus())
	repo.create(chatA, "ann", "bob")
	repo.remove(chatA, "ann", "bob")
	repo.create("gone", "ann")
	repo.delete("gone", "ann")
	for _, c := range []struct{ reason, viewer, chat string }{
		{"not a member", "eve", chatA},
		{"a removed member", "bob", chatA},
		{"a chat that never existed", "ann", "never"},
		{"from now, in a deleted chat", "ann", "gone"},
	} {
		if _, err := h.Chat(t.Context(), c.viewer, c.chat, nil); db.CodeOf(err) != db.CodeNotFound {
			t.Errorf("%s: got %v, want NOT_FOUND", c.reason, err)
		}
	}
	if len(h.topics) != 0 {
		t.Errorf("%d topics are left behind", len(h.topics))
	}
}

func TestHubSubscribeRace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		before := func() { publish(bus, repo.send(chatA, "ann", "just before the head is read")) }
		repo.during = func(string) { before() }
		s := follow(t, h, "ann", chatA, 1)
		repo.during = nil
		publish(bus, repo.send(chatA, "ann", "just after"))
		expect(t, s, "1.2 1.3")
	})
}

func TestHubRepairs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason        string
		state         events.State
		within        time.Duration
		notifications func(bus events.Bus, events []*db.Event)
	}{
		{"all notifications lost, healthy: the heads are the outbox", events.Healthy, 6 * time.Second, func(events.Bus, []*db.Event) {}},
		{"all notifications lost, degraded", events.Degraded, time.Second, func(events.Bus, []*db.Event) {}},
		{"the first one lost", events.Healthy, 0, func(bus events.Bus, e []*db.Event) { publish(bus, e[1]); publish(bus, e[2]) }},
		{"reordered", events.Healthy, 0, func(bus events.Bus, e []*db.Event) { publish(bus, e[2]); publish(bus, e[0]); publish(bus, e[1]) }},
		{"doubled", events.Healthy, 0, func(bus events.Bus, e []*db.Event) {
			for _, i := range []int{0, 0, 1, 0, 1, 2, 2, 1} {
				publish(bus, e[i])
			}
		}},
		{"too big to travel", events.Healthy, 0, func(bus events.Bus, e []*db.Event) {
			for _, event := range e {
				bus.Publish(context.Background(), events.Notification{Topic: events.ChatTopic(chatA), Epoch: 1, Seq: event.Seq})
			}
		}},
		{"a wild hint changes nothing", events.Healthy, 6 * time.Second, func(bus events.Bus, _ []*db.Event) {
			bus.Publish(context.Background(), events.Notification{Topic: events.ChatTopic(chatA), Epoch: 1, Seq: 1 << 50})
		}},
		{"another epoch's hint makes it look", events.Healthy, 0, func(bus events.Bus, _ []*db.Event) {
			bus.Publish(context.Background(), events.Notification{Topic: events.ChatTopic(chatA), Epoch: 9, Seq: 1})
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				repo, bus := newFakeLog(), (&network{}).bus(c.state)
				h := startHub(t, repo, bus)
				repo.create(chatA, "ann")
				s := follow(t, h, "ann", chatA, -1)
				begun := time.Now()
				c.notifications(bus, []*db.Event{repo.send(chatA, "ann", "1"), repo.send(chatA, "ann", "2"), repo.send(chatA, "ann", "3")})
				expect(t, s, "1.2 1.3 1.4")
				if took := time.Since(begun); took > c.within {
					t.Errorf("took %v, want at most %v", took, c.within)
				}
				expect(t, s, "NOTHING")
			})
		})
	}
}

func TestHubGapIsSweptAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		repo.send(chatA, "ann", "nobody was told")
		begun := time.Now()
		bus.sink.Gap(events.ChatTopic(chatA).Partition())
		expect(t, s, "1.2")
		if took := time.Since(begun); took != 0 {
			t.Errorf("took %v", took)
		}
	})
}

func TestHubSweepsNothingForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		sleep(10 * time.Second)
		if n := repo.count("Changes"); n != 0 {
			t.Errorf("%d sweeps without a topic", n)
		}
		s := follow(t, h, "ann", chatA, -1)
		sleep(10 * time.Second)
		if n := repo.count("Changes"); n < 30 || n > 60 {
			t.Errorf("%d sweeps in 10 s, degraded", n)
		}
		s.Close()
		n := repo.count("Changes")
		sleep(10 * time.Second)
		if more := repo.count("Changes") - n; more > 0 {
			t.Errorf("%d sweeps after the last one left", more)
		}
	})
}

func TestHubSlowReaderOverrunsTheRing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		slow, fast := follow(t, h, "ann", chatA, -1), follow(t, h, "ann", chatA, -1)
		const n = 3 * ringEvents
		vs := []validator{{cursor: 1}, {cursor: 1}}
		for range n {
			publish(bus, repo.send(chatA, "ann", strings.Repeat("x", 100)))
			item, err := fast.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			vs[0].event(item.Event)
		}
		if got := len(h.topic(chatA).ring.events); got > ringEvents {
			t.Errorf("the ring holds %d events", got)
		}
		for range n {
			item, err := slow.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			vs[1].event(item.Event)
		}
		for _, v := range vs {
			v.end(n + 1)
			if len(v.problems) > 0 {
				t.Error(v.problems)
			}
		}
	})
}

func TestHubDatabaseFailsForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		for range 5 {
			repo.send(chatA, "ann", "old")
		}
		s := follow(t, h, "ann", chatA, 0)
		up := time.Now().Add(20 * time.Second)
		repo.beforeReads(func(context.Context, string) error {
			if time.Now().Before(up) {
				return errFake
			}
			return nil
		})
		expect(t, s, "1.1 1.2 1.3 1.4 1.5 1.6")
		if late := time.Since(up); late > 3*time.Second {
			t.Errorf("went on %v after the database was back", late)
		}
	})
}

func TestHubHerdSharesReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		for range 99 {
			repo.send(chatA, "ann", "old")
		}
		repo.beforeReads(func(context.Context, string) error { sleep(10 * time.Millisecond); return nil })
		done := make(chan string)
		for range 200 {
			go func() {
				s, err := h.Chat(t.Context(), "ann", chatA, &db.Cursor{ChatID: chatA, Epoch: 1, Seq: 50})
				if err != nil {
					done <- err.Error()
					return
				}
				v := validator{cursor: 50}
				if item, err := s.Next(t.Context()); err != nil || item.Started == nil || !item.Started.Resumed {
					v.problem("begins with %+v, %v", item, err)
				}
				for range 50 {
					item, err := s.Next(t.Context())
					if err != nil {
						v.problem("%v", err)
						break
					}
					v.event(item.Event)
				}
				v.end(100)
				s.Close() // it asks whether the viewer is still a member
				done <- strings.Join(v.problems, "; ")
			}()
		}
		for range 200 {
			if problem := <-done; problem != "" {
				t.Error(problem)
			}
		}
		if n := repo.count("Log"); n > 3 {
			t.Errorf("%d reads for 200 who came back to the same place", n)
		}
	})
}
