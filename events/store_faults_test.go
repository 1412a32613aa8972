package events

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/test/services"
)

// twoOn starts two instances on one database and one Redis.
func twoOn(t *testing.T, connect connector) (a, b instance) {
	t.Helper()
	url := services.Postgres(t)
	one := func() instance {
		client := connect(t)
		return newInstance(t, openStore(t, url), NewRedisBus(client, RedisOptions{}, testLog(t)), NewRedisRegistry(client, time.Now, testLog(t)))
	}
	return one(), one()
}

// underLoad writes to a chat in each of the partitions on one instance and follows them on the other, with a fault after
// each stage of the writing: every stream must be complete and in order.
func underLoad(t *testing.T, a, b instance, partitions []int, faults ...func()) {
	t.Helper()
	const each = 20 // messages to each chat in each stage
	ctx := within(t, time.Minute)
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
			v, _ := readAll(ctx, s, 0, int64(1+each*(len(faults)+1)))
			for _, problem := range v.problems {
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
		if id := db.NewID(); ChatTopic(id).Partition() == partition {
			return id
		}
	}
}

func (in instance) redisBus() *redisBus { return in.hub.bus.(*redisBus) }

func TestStoreWhileAClusterLosesANode(t *testing.T) {
	t.Parallel()
	cluster := services.NewRedisCluster(t)
	a, b := twoOn(t, toCluster(cluster))
	_, node, elsewhere := nodeOf(t, b.redisBus(), aPartition)
	state := func(want State) func() {
		return func() {
			t.Helper()
			eventually(t, over, "the state is "+want.String(), func() bool { return b.hub.State() == want })
		}
	}
	underLoad(t, a, b, []int{aPartition, elsewhere},
		func() { cluster.Kill(node) },
		state(Degraded),
		func() { cluster.Restart(node) },
		state(Healthy),
	)
}

func TestStoreWhileRedisFailsOver(t *testing.T) {
	t.Parallel()
	sentinel := services.NewRedisSentinel(t)
	a, b := twoOn(t, toSentinel(sentinel))
	underLoad(t, a, b, []int{aPartition}, sentinel.KillMaster, func() {
		eventually(t, over, "healthy again", func() bool { return b.hub.State() == Healthy })
	})
}

// Redis cuts a subscriber that falls behind; what it had not yet sent is lost.
func TestStoreWhileTheOutputBufferOverflows(t *testing.T) {
	t.Parallel()
	a, b := twoOn(t, to(services.NewRedisServer(t, "--client-output-buffer-limit", tightBuffer)))
	bus := b.redisBus()
	sessions := func() int64 { return bus.lanes[0].token.Load() }
	before := sessions()
	flooded := func() { flood(t, a.redisBus(), topicIn(aPartition)) }
	underLoad(t, a, b, []int{aPartition}, flooded, flooded, flooded)
	if sessions() == before {
		t.Error("Redis cut nobody: the test tried nothing")
	}
}
