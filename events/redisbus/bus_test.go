package redisbus

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

const aPartition = 5

// topicIn finds a topic of the partition.
func topicIn(partition int) events.Topic {
	for i := 0; ; i++ {
		if topic := events.ChatTopic(fmt.Sprint("chat", i)); topic.Partition() == partition {
			return topic
		}
	}
}

// newTestRedisBus makes a bus that shares its channels with the other buses of the test.
func newTestRedisBus(t *testing.T, connect connector) events.Bus {
	return New(handle(t, connect(t)), eventstest.Log(t))
}

// joinedPair starts two buses on one Redis, of which the second hears the partition.
func joinedPair(t *testing.T, connect connector) (from, to events.Bus, got *recorder) {
	t.Helper()
	from, to = newTestRedisBus(t, connect), newTestRedisBus(t, connect)
	startBus(t, from)
	got = startBus(t, to)
	if from.State() != events.Healthy || to.State() != events.Healthy {
		t.Fatal("Start returned before the bus worked, though Redis does")
	}
	to.Join(aPartition)
	eventually(t, 5*time.Second, "the subscription is confirmed by a gap", func() bool { return got.Gapped(aPartition) })
	return from, to, got
}

func TestBus(t *testing.T) {
	t.Parallel()
	suite := func(t *testing.T, connect connector) {
		eventstest.TestBus(t, func(t *testing.T) events.Bus { return newTestRedisBus(t, connect) })
	}
	everyRedis(t, suite)
	for name, connect := range map[string]connector{
		"redis that is not there":   func(t *testing.T) redis.UniversalClient { return testRedisClient(t, "127.0.0.1:1") },
		"cluster that is not there": func(t *testing.T) redis.UniversalClient { return testClusterClient(t, "127.0.0.1:1", "127.0.0.1:2") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, connect)
		})
	}
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
	id, _ := topic.Chat()
	const n = 500
	var want []string
	for seq := int64(1); seq <= n; seq++ {
		event := &db.Event{ChatID: id, Seq: seq, Epoch: 1, Kind: db.ChatRenamed, Title: "T"}
		from.Publish(t.Context(), events.Notification{Topic: other, Epoch: 1, Seq: seq})
		from.Publish(t.Context(), events.Notification{Topic: topic, Epoch: 1, Seq: seq, Event: event})
		want = append(want, fmt.Sprintf("%s@%d+event", topic, seq))
	}
	eventually(t, 10*time.Second, "the last notification arrives", func() bool { return got.Has(want[n-1]) })
	if got.All() != strings.Join(want, " ") {
		t.Error("not all notifications of the joined partition, those alone, in the order in which they were published")
	}

	got.Forget()
	to.Leave(aPartition)
	to.Join(aPartition + 1)
	eventually(t, 5*time.Second, "the other subscription is confirmed", func() bool { return got.Gapped(aPartition + 1) })
	from.Publish(t.Context(), events.Notification{Topic: topic, Seq: 1})
	from.Publish(t.Context(), events.Notification{Topic: other, Seq: 2})
	eventually(t, 5*time.Second, "the notification arrives", func() bool { return got.Has(fmt.Sprintf("%s@2", other)) })
	if got.Has(fmt.Sprintf("%s@1", topic)) {
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
	eventually(t, 5*time.Second, "the notification arrives", func() bool {
		from.Publish(t.Context(), events.Notification{Topic: topicIn(aPartition), Seq: 1})
		return got.Has(string(topicIn(aPartition)) + "@1")
	})
	if to.State() != events.Healthy || len(got.States()) != 1 {
		t.Errorf("leaving is not a failure: states %v", got.States())
	}
}

func redisBusJoinsAreCounted(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
	to.Join(aPartition)
	to.Leave(aPartition)
	from.Publish(t.Context(), events.Notification{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the notification arrives", func() bool { return got.Has(string(topicIn(aPartition)) + "@1") })
}

func redisBusDoesNotHearItself(t *testing.T, connect connector) {
	from, to, got := joinedPair(t, connect)
	topic := topicIn(aPartition)
	to.Publish(t.Context(), events.Notification{Topic: topic, Seq: 1})
	// What another instance publishes later comes behind the echo.
	eventually(t, 5*time.Second, "a later notification arrives", func() bool {
		from.Publish(t.Context(), events.Notification{Topic: topic, Seq: 2})
		return got.Has(string(topic) + "@2")
	})
	if n := strings.Count(got.All(), "@1"); n != 1 {
		t.Errorf("the own notification arrived %d times", n)
	}
}

func TestRedisBusIgnoresNonsense(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	from, b, got := joinedPair(t, to(server))
	client, own, keys := testRedisClient(t, server.Addr()), b.(*bus), namesOf(t).Keys()
	misplaced, err := encodeMessage(newInstanceID(), events.Notification{Topic: topicIn(aPartition + 1), Seq: 9})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range []string{"", "x", newInstanceID() + "{", misplaced} {
		if err := client.Publish(t.Context(), keys.Channel(aPartition), message).Err(); err != nil {
			t.Fatal(err)
		}
	}
	from.Publish(t.Context(), events.Notification{Topic: topicIn(aPartition), Seq: 1})
	eventually(t, 5*time.Second, "the notification arrives", func() bool { return got.Has(string(topicIn(aPartition)) + "@1") })
	if n := own.ignored.Load(); n != 4 || strings.Contains(got.All(), "@9") {
		t.Errorf("%d messages were ignored, want 4; got %q", n, got.All())
	}
}

// The sender's own outage: what it could not send is told to the others as a gap once Redis takes messages again.
func redisBusTellsWhatWasNeverSent(t *testing.T, connect connector) {
	from, _, got := joinedPair(t, connect)
	from.(*bus).shard(aPartition).sendFailed.Store(true)
	from.Publish(t.Context(), events.Notification{Topic: topicIn(aPartition), Seq: 1})
	got.Forget()
	eventually(t, 5*time.Second, "the gap is told", func() bool { return got.Gapped(aPartition) })
	if got.All() != "" {
		t.Errorf("got %q", got.All())
	}
}

func TestRedisBusStartsWithoutRedis(t *testing.T) {
	t.Parallel()
	server := services.NewRedisServer(t)
	server.Kill()
	bus := newTestRedisBus(t, to(server))
	begun := time.Now()
	got := startBus(t, bus)
	if took := time.Since(begun); took > probeTimeout+time.Second || bus.State() != events.Degraded {
		t.Errorf("Start took %v, state %v", took, bus.State())
	}
	bus.Join(aPartition)
	server.Restart()
	states(t, 5*time.Second, got, events.Healthy)
	eventually(t, 5*time.Second, "the partition is joined", func() bool { return got.Gapped(aPartition) })
}
