package redisbus

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// twoOn starts two instances on one database and one Redis.
func twoOn(t *testing.T, connect connector) (a, b instance) {
	t.Helper()
	url := services.Postgres(t)
	one := func() instance {
		h := handle(t, connect(t))
		return newInstance(t, openStore(t, url), New(h, eventstest.Log(t)), NewRegistry(h, time.Now, eventstest.Log(t)))
	}
	return one(), one()
}

// underLoad writes to a chat in each of the partitions on one instance and follows them on the other, with a fault after
// each stage of the writing: every stream must be complete and in order.
func underLoad(t *testing.T, a, b instance, partitions []int, faults ...func()) {
	t.Helper()
	const each = 20 // messages to each chat in each stage
	ctx := eventstest.Within(t, time.Minute)
	var chats []string
	var reading sync.WaitGroup
	for _, p := range partitions {
		id := chatIn(p)
		chats = append(chats, id)
		must(t)(a.repo.CreateChat(ctx, "ann", db.NewChat{ID: id, Title: "T"}))
		s, err := b.hub.Chat(ctx, "ann", id, &db.Cursor{ChatID: id, Epoch: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		started(t, s)
		reading.Go(func() {
			_, problems := readAll(ctx, s, 0, int64(1+each*(len(faults)+1)))
			for _, problem := range problems {
				t.Errorf("partition %d: %s", p, problem)
			}
		})
	}
	for stage := range len(faults) + 1 {
		for n := range each {
			for _, id := range chats {
				must(t)(a.repo.SendMessage(ctx, "ann", newMessage(id, fmt.Sprint(stage, n))))
			}
		}
		if stage < len(faults) {
			faults[stage]()
		}
	}
	reading.Wait()
}

// chatIn makes an id for a chat of the partition.
func chatIn(partition int) string {
	for {
		if id := db.NewID(); events.ChatTopic(id).Partition() == partition {
			return id
		}
	}
}

func TestStoreWhileAClusterLosesANode(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	a, b := twoOn(t, toCluster(cluster))
	_, node, elsewhere := nodeOf(t, b.bus, aPartition)
	state := func(want events.State) func() {
		return func() {
			t.Helper()
			eventually(t, over, "the state is "+want.String(), func() bool { return b.hub.State() == want })
		}
	}
	underLoad(t, a, b, []int{aPartition, elsewhere},
		func() { cluster.Node(node).Kill() },
		state(events.Degraded),
		func() { cluster.Node(node).Restart() },
		state(events.Healthy),
	)
}

func TestStoreWhileRedisFailsOver(t *testing.T) {
	t.Parallel()
	sentinel := services.NewRedisSentinel(t)
	a, b := twoOn(t, toSentinel(sentinel))
	underLoad(t, a, b, []int{aPartition}, sentinel.KillMaster, func() {
		eventually(t, over, "healthy again", func() bool { return b.hub.State() == events.Healthy })
	})
}

// Redis cuts a subscriber that falls behind; what it had not yet sent is lost.
func TestStoreWhileTheOutputBufferOverflows(t *testing.T) {
	t.Parallel()
	a, b := twoOn(t, to(services.NewRedisServer(t, "--client-output-buffer-limit", tightBuffer)))
	sessions := func() int64 { return b.bus.(*bus).shards[0].token.Load() }
	before := sessions()
	flooded := func() { flood(t, a.bus, topicIn(aPartition)) }
	underLoad(t, a, b, []int{aPartition}, flooded, flooded, flooded)
	// The streams may be complete before the next session begins.
	eventually(t, over, "Redis disconnects a subscriber, else the test has tried nothing", func() bool { return sessions() != before })
}
