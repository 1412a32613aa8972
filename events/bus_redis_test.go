package events

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"studychat/db"
	"studychat/test/services"
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
func joinedPair(t *testing.T, connect connector) (from, to Bus, got *recorder) {
	t.Helper()
	from, to = newTestRedisBus(t, connect), newTestRedisBus(t, connect)
	startBus(t, from)
	got = startBus(t, to)
	if from.State() != Healthy || to.State() != Healthy {
		t.Fatal("Start returned before the bus worked, though Redis does")
	}
	to.Join(aPartition)
	eventually(t, 5*time.Second, "the subscription is confirmed by a gap", func() bool { return got.gapped(aPartition) })
	return from, to, got
}

func TestRedisBus(t *testing.T) {
	t.Parallel()
	everyRedis(t, func(t *testing.T, connect connector) {
		for name, test := range map[string]func(t *testing.T, connect connector){
			"between instances":              redisBusBetweenInstances,
			"joins are counted":              redisBusJoinsAreCounted,
			"does not hear itself":           redisBusDoesNotHearItself,
			"tells what was never sent":      redisBusTellsWhatWasNeverSent,
			"leaves and joins in quick turn": redisBusLeavesAndJoins,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, connect)
			})
		}
	})
}

func redisBusBetweenInstances(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
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

// A connection that is given up must not take the next one with it.
func redisBusLeavesAndJoins(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
	for range 20 {
		to.Leave(aPartition)
		to.Join(aPartition)
	}
	eventually(t, 5*time.Second, "the poke arrives", func() bool {
		from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
		return got.has(string(topicIn(aPartition)) + "@1")
	})
	if to.State() != Healthy || len(got.seen) != 1 {
		t.Errorf("to leave is no failure: states %v", got.seen)
	}
}

func redisBusJoinsAreCounted(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
	to.Join(aPartition)
	to.Leave(aPartition)
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the poke arrives", func() bool { return got.has(string(topicIn(aPartition)) + "@1") })
}

func redisBusDoesNotHearItself(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
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
	server := services.NewRedisServer(t)
	from, bus, got := joinedPair(t, to(server))
	client, own := testRedisClient(t, server.Addr()), bus.(*redisBus)
	misplaced, err := encodePoke(newInstanceID(), Poke{Topic: topicIn(aPartition + 1), Seq: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"", "x", newInstanceID() + "{", misplaced} {
		if err := client.Publish(t.Context(), own.channel(aPartition), message).Err(); err != nil {
			t.Fatal(err)
		}
	}
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the poke arrives", func() bool { return got.has(string(topicIn(aPartition)) + "@1") })
	if n := own.ignored.Load(); n != 4 || strings.Contains(got.all(), "@9") {
		t.Errorf("%d messages were ignored, want 4; got %q", n, got.all())
	}
}

// The sender's own outage: what it could not send is told to the others as a gap once Redis takes messages again.
func redisBusTellsWhatWasNeverSent(t *testing.T, connect connector) {
	from, _, got := joinedPair(t, connect)
	from.(*redisBus).lane(aPartition).unsending.Store(true)
	from.Publish(t.Context(), Poke{Topic: topicIn(aPartition), Seq: 1})
	got.forget()
	eventually(t, 5*time.Second, "the gap is told", func() bool { return got.gapped(aPartition) })
	if got.all() != "" {
		t.Errorf("got %q", got.all())
	}
}

func TestRedisBusStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	server.Kill()
	bus := newTestRedisBus(t, to(server))
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
