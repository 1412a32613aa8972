package events_test

import (
	"testing"

	"go.uber.org/goleak"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryBus(t *testing.T) {
	t.Parallel()
	eventstest.TestBus(t, func(*testing.T) events.Bus { return events.NewMemoryBus() })
}

func TestMemoryRegistry(t *testing.T) {
	t.Parallel()
	eventstest.TestRegistry(t, events.NewMemoryRegistry())
}

func TestTopics(t *testing.T) {
	t.Parallel()
	used := map[int]bool{}
	for range 2000 {
		p := events.ChatTopic(db.NewID()).Partition()
		if p < 0 || p >= events.Partitions {
			t.Fatalf("partition %d", p)
		}
		used[p] = true
	}
	if len(used) != events.Partitions {
		t.Errorf("2000 chats use %d of %d partitions", len(used), events.Partitions)
	}
	// All instances must agree, across versions: changing this is a breaking change.
	if got := events.ChatTopic("0198c0de-0000-7000-8000-000000000001").Partition(); got != 66 {
		t.Errorf("the partition of a known chat moved to %d", got)
	}
}
