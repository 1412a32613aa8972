package events

import (
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// everyBus runs the tests over every implementation, those over Redis on one service each.
func everyBus(t *testing.T, tests map[string]func(t *testing.T, bus Bus)) {
	run := func(t *testing.T, newBus func(t *testing.T) Bus) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newBus(t))
			})
		}
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		run(t, func(*testing.T) Bus { return NewMemoryBus() })
	})
	everyRedis(t, func(t *testing.T, connect connector) {
		run(t, func(t *testing.T) Bus { return newTestRedisBus(t, connect) })
	})
	for name, client := range map[string]connector{
		"redis that is not there":   func(t *testing.T) redis.UniversalClient { return testRedisClient(t, "127.0.0.1:1") },
		"cluster that is not there": func(t *testing.T) redis.UniversalClient { return testClusterClient(t, "127.0.0.1:1", "127.0.0.1:2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, func(t *testing.T) Bus { return newTestRedisBus(t, client) })
		})
	}
}

// newTestRedisBus makes a bus that has its channels with the other buses of the test alone.
func newTestRedisBus(t *testing.T, connect connector) Bus {
	return NewRedisBus(connect(t), RedisOptions{Prefix: t.Name()}, testLog(t))
}

func startBus(t *testing.T, bus Bus) *recorder {
	t.Helper()
	got := &recorder{}
	if err := bus.Start(within(t, 10*time.Second), got); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Stop)
	return got
}

func TestBus(t *testing.T) {
	t.Parallel()
	everyBus(t, map[string]func(t *testing.T, bus Bus){
		"delivers here at once":  busDeliversHereAtOnce,
		"publish never holds up": busPublishNeverHoldsUp,
		"life":                   busLife,
	})
}

func busDeliversHereAtOnce(t *testing.T, bus Bus) {
	got := startBus(t, bus)
	bus.Publish(t.Context(), Poke{Topic: ChatTopic("c"), Seq: 1})
	if got.all() != "c:c@1" {
		t.Errorf("Publish returned before this process had the poke: %q", got.all())
	}
	bus.Join(ChatTopic("c").Partition())
	bus.Publish(t.Context(), Poke{Topic: ChatTopic("c"), Seq: 2})
	if got.all() != "c:c@1 c:c@2" {
		t.Errorf("joining has no say in what this process gets of itself: %q", got.all())
	}
}

func busPublishNeverHoldsUp(t *testing.T, bus Bus) {
	startBus(t, bus)
	begun := time.Now()
	for i := range 2 * sendQueue {
		bus.Publish(t.Context(), Poke{Topic: ChatTopic("c"), Seq: int64(i)})
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("%d pokes took %v", 2*sendQueue, took)
	}
}

func busLife(t *testing.T, bus Bus) {
	bus.Publish(t.Context(), Poke{Topic: ChatTopic("c")}) // before the start: nobody is there
	bus.Join(3)
	bus.Leave(3)
	got := startBus(t, bus)
	bus.Stop()
	bus.Stop()
	bus.Join(3)
	bus.Publish(t.Context(), Poke{Topic: ChatTopic("c"), Seq: 1})
	bus.Leave(3)
	if got.all() != "" {
		t.Errorf("a stopped bus delivered %q", got.all())
	}
	if bus.State() != Degraded {
		t.Error("a stopped bus says it is healthy")
	}
}

func TestTopics(t *testing.T) {
	t.Parallel()
	used := map[int]bool{}
	for range 2000 {
		p := ChatTopic(newInstanceID()).Partition()
		if p < 0 || p >= Partitions {
			t.Fatalf("partition %d", p)
		}
		used[p] = true
	}
	if len(used) != Partitions {
		t.Errorf("2000 chats use %d of %d partitions", len(used), Partitions)
	}
	// All instances must agree, across versions: changing this is a breaking change.
	if got := ChatTopic("0198c0de-0000-7000-8000-000000000001").Partition(); got != 34 {
		t.Errorf("the partition of a known chat moved to %d", got)
	}
}

// states waits until the sink was told of exactly these states, one after the other.
func (r *recorder) states(t *testing.T, within time.Duration, want ...State) {
	t.Helper()
	eventually(t, within, "states "+State(0).String(), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return slices.Equal(r.seen, want)
	})
}

func (r *recorder) has(word string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.words, word)
}

func (r *recorder) gapped(partition int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.gaps, partition)
}

func (r *recorder) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.words, r.gaps, r.seen = nil, nil, nil
}
