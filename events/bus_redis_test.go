package events

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/testservices"
)

const aPartition = 5

// topicIn finds a topic of the partition.
func topicIn(partition int) Topic {
	for i := 0; ; i++ {
		if topic := ChatTopic(fmt.Sprint("chat", i)); topic.Partition() == partition {
			return topic
		}
	}
}

// joinedPair starts two buses on one Redis, of which the second hears the partition.
func joinedPair(t *testing.T, server *testservices.RedisServer) (from, to Bus, got *recorder) {
	t.Helper()
	from, to = newTestRedisBus(t, server.Addr()), newTestRedisBus(t, server.Addr())
	startBus(t, from)
	got = startBus(t, to)
	if from.State() != Healthy || to.State() != Healthy {
		t.Fatal("Start returned before the bus worked, though Redis does")
	}
	to.Join(aPartition)
	eventually(t, 5*time.Second, "the subscription is confirmed by a gap", func() bool { return got.gapped(aPartition) })
	return from, to, got
}

func TestRedisBusBetweenInstances(t *testing.T) {
	t.Parallel()
	from, to, got := joinedPair(t, testservices.NewRedisServer(t))
	topic, other := topicIn(aPartition), topicIn(aPartition+1)
	id, _ := topic.chat()
	const n = 500
	var want []string
	for seq := int64(1); seq <= n; seq++ {
		event := &db.Event{ChatID: id, Seq: seq, Epoch: 1, Kind: db.ChatRenamed, Title: "T"}
		from.Publish(t.Context(), Poke{Topic: other, Epoch: 1, Seq: seq})
		from.Publish(t.Context(), Poke{Topic: topic, Epoch: 1, Seq: seq, Event: event})
		want = append(want, fmt.Sprintf("%s@%d+event", topic, seq))
	}
	eventually(t, 10*time.Second, "the last poke arrives", func() bool { return got.has(want[n-1]) })
	if got.all() != strings.Join(want, " ") {
		t.Error("not all pokes of the joined partition, those alone, in the order in which they were published")
	}

	got.forget()
	to.Leave(aPartition)
	to.Join(aPartition + 1)
	eventually(t, 5*time.Second, "the other subscription is confirmed", func() bool { return got.gapped(aPartition + 1) })
	from.Publish(t.Context(), Poke{Topic: topic, Seq: 1})
	from.Publish(t.Context(), Poke{Topic: other, Seq: 2})
	eventually(t, 5*time.Second, "the poke arrives", func() bool { return got.has(fmt.Sprintf("%s@2", other)) })
	if got.has(fmt.Sprintf("%s@1", topic)) {
		t.Error("a partition that was left is heard")
	}
}

func TestRedisBusJoinsAreCounted(t *testing.T) {
	t.Parallel()
	from, to, got := joinedPair(t, testservices.NewRedisServer(t))
	to.Join(aPartition)
	to.Leave(aPartition)
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the poke arrives", func() bool { return got.has(string(topicIn(aPartition)) + "@1") })
}

func TestRedisBusDoesNotHearItself(t *testing.T) {
	t.Parallel()
	from, to, got := joinedPair(t, testservices.NewRedisServer(t))
	topic := topicIn(aPartition)
	to.Publish(t.Context(), Poke{Topic: topic, Seq: 1})
	// What another instance publishes later comes behind the echo.
	eventually(t, 5*time.Second, "a later poke arrives", func() bool {
		from.Publish(t.Context(), Poke{Topic: topic, Seq: 2})
		return got.has(string(topic) + "@2")
	})
	if n := strings.Count(got.all(), "@1"); n != 1 {
		t.Errorf("the own poke arrived %d times", n)
	}
}

func TestRedisBusIgnoresNonsense(t *testing.T) {
	t.Parallel()
	server := testservices.NewRedisServer(t)
	from, to, got := joinedPair(t, server)
	client, bus := testRedisClient(t, server.Addr()), to.(*redisBus)
	misplaced, err := encodePoke(newInstanceID(), Poke{Topic: topicIn(aPartition + 1), Seq: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"", "x", newInstanceID() + "{", misplaced} {
		if err := client.Publish(t.Context(), bus.channel(aPartition), message).Err(); err != nil {
			t.Fatal(err)
		}
	}
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the poke arrives", func() bool { return got.has(string(topicIn(aPartition)) + "@1") })
	if n := bus.ignored.Load(); n != 4 || strings.Contains(got.all(), "@9") {
		t.Errorf("%d messages were ignored, want 4; got %q", n, got.all())
	}
}

func TestRedisBusSurvivesFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason   string
		fault    func(t *testing.T, server *testservices.RedisServer)
		repair   func(server *testservices.RedisServer)
		degraded time.Duration // at most until it is noticed
	}{
		{"killed and restarted empty", func(_ *testing.T, s *testservices.RedisServer) { s.Kill() },
			(*testservices.RedisServer).Restart, 3 * time.Second},
		{"stopped answering", func(_ *testing.T, s *testservices.RedisServer) { s.Pause() },
			(*testservices.RedisServer).Resume, 3 * time.Second},
		{"connections cut", func(t *testing.T, s *testservices.RedisServer) {
			if err := testRedisClient(t, s.Addr()).ClientKillByFilter(t.Context(), "TYPE", "pubsub").Err(); err != nil {
				t.Fatal(err)
			}
		}, func(*testservices.RedisServer) {}, 3 * time.Second},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			server := testservices.NewRedisServer(t)
			from, _, got := joinedPair(t, server)
			got.forget()
			c.fault(t, server)
			eventually(t, c.degraded, "degraded", func() bool {
				got.mu.Lock()
				defer got.mu.Unlock()
				return len(got.seen) > 0 && got.seen[0] == Degraded
			})
			begun := time.Now()
			from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
			if took := time.Since(begun); took > 100*time.Millisecond {
				t.Errorf("a caller was held up for %v", took)
			}
			c.repair(server)
			got.states(t, 5*time.Second, Degraded, Healthy)
			eventually(t, 5*time.Second, "the gap is told", func() bool { return got.gapped(-1) && got.gapped(aPartition) })
			eventually(t, 5*time.Second, "pokes arrive again", func() bool {
				from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 2})
				return got.has(string(topicIn(aPartition)) + "@2")
			})
		})
	}
}

// The sender's own outage: what it could not send is told to the others as a gap once Redis takes messages again.
func TestRedisBusTellsWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	server := testservices.NewRedisServer(t)
	from, _, got := joinedPair(t, server)
	bus := from.(*redisBus).lanes[0]
	bus.unsending.Store(true)
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	got.forget()
	eventually(t, 5*time.Second, "the gap is told", func() bool { return got.gapped(aPartition) })
	if got.all() != "" {
		t.Errorf("got %q", got.all())
	}
}

func TestRedisBusStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := testservices.NewRedisServer(t)
	server.Kill()
	bus := newTestRedisBus(t, server.Addr())
	begun := time.Now()
	got := startBus(t, bus)
	if took := time.Since(begun); took > probeTimeout+time.Second || bus.State() != Degraded {
		t.Errorf("Start took %v, state %v", took, bus.State())
	}
	bus.Join(aPartition)
	server.Restart()
	got.states(t, 5*time.Second, Healthy)
	eventually(t, 5*time.Second, "the partition is joined", func() bool { return got.gapped(aPartition) })
}
