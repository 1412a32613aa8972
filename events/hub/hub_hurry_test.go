package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"studychat/events"
)

// The bus of this instance is well, and that of another is not: what that one writes is not announced.
func TestHubHurriesForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		s := follow(t, h, "ann", chatA, -1)
		repo.send(chatA, "ann", "nobody was told")
		begun := time.Now()
		h.Hurry(true)
		expect(t, s, "1.2")
		if took := time.Since(begun); took != 0 {
			t.Errorf("what was written before came after %v", took)
		}
		repo.send(chatA, "ann", "nobody was told of this one either")
		expect(t, s, "1.3")
		if took := time.Since(begun); took > time.Second {
			t.Errorf("what was written meanwhile came after %v", took)
		}
		h.Hurry(false)
		sleep(sweepHealthy) // the one that was due
		before := repo.count("Changes")
		sleep(10 * time.Second)
		if n := repo.count("Changes") - before; n > 3 {
			t.Errorf("%d sweeps in 10 s when it was over", n)
		}
	})
}

func TestFeedHurriesForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		repo, bus := newFakeLog(), (&network{}).bus(events.Healthy)
		h := startHub(t, repo, bus)
		repo.create(chatA, "ann")
		s, err := h.Feed(t.Context(), "ann", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		describe(t, s) // STARTED
		h.Hurry(true)
		expect(t, s, "NOTHING") // for a minute; from its next look on it is in a hurry
		repo.create("another chat", "ann")
		begun := time.Now()
		describe(t, s)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("a chat that nobody announced came after %v", took)
		}
	})
}
