package hub

import (
	"errors"
	"testing"
	"testing/synctest"

	"studychat/events"
)

func TestHubStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		f, err := h.Feed(t.Context(), "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		started(t, f)
		got := make(chan string, 2)
		go func() { got <- describe(t, s) }()
		go func() { got <- describe(t, f) }()
		synctest.Wait()
		h.Stop()
		for range 2 {
			if g := <-got; g != "STOPPED" {
				t.Errorf("Next gave %q", g)
			}
		}
		if _, err := h.Chat(t.Context(), "ann", chatA, nil); !errors.Is(err, events.ErrStopped) {
			t.Errorf("Chat after Stop: %v", err)
		}
		if _, err := h.Feed(t.Context(), "ann", nil); !errors.Is(err, events.ErrStopped) {
			t.Errorf("Feed after Stop: %v", err)
		}
		s.Close()
		f.Close()
		h.Stop()
	})
}

func TestStreamCloseWakesNext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo := newFakeLog()
		h := startHub(t, repo, events.NewMemoryBus())
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		got := make(chan string)
		go func() { got <- describe(t, s) }()
		synctest.Wait()
		s.Close()
		s.Close()
		if g := <-got; g != "EOF" {
			t.Errorf("Next gave %q", g)
		}
	})
}

func TestHubSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), events.NewMemoryBus()
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		if got := h.Seen(chatA); got != 0 {
			t.Errorf("%d for a chat that nobody follows", got)
		}
		s := follow(t, h, "ann", chatA, -1)
		publish(bus, repo.send(chatA, "ann", "hi"))
		if got := h.Seen(chatA); got != 2 {
			t.Errorf("got %d, want 2", got)
		}
		s.Close()
		if got := h.Seen(chatA); got != 0 {
			t.Errorf("%d after the last one left", got)
		}
	})
}
