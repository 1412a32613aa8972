package cache

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"studychat/db"
)

// newCluster makes a cluster of one node: enough for the client to route by slot and to refuse scripts over two.
func newCluster(t *testing.T) (*redis.ClusterClient, *redis.Client) {
	t.Helper()
	// The port of the nodes' own bus is by default the client's + 10,000, which may be beyond 65,535.
	bus, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := bus.Addr().(*net.TCPAddr).Port
	if err := bus.Close(); err != nil {
		t.Fatal(err)
	}
	server := newRedis(t, "--cluster-enabled", "yes", "--cluster-port", fmt.Sprint(port))
	node := dialPatient(t, server.Addr())
	if err := node.ClusterAddSlotsRange(t.Context(), 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the cluster is ready", func() bool { return node.Set(t.Context(), "probe", "1", time.Second).Err() == nil })
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}, MaxRetries: -1, ContextTimeoutEnabled: true, DisableIdentity: true})
	t.Cleanup(func() { _ = client.Close() })
	return client, node
}

func TestCluster(t *testing.T) {
	t.Parallel()
	client, node := newCluster(t)
	refused, store := new(outage), newFakeStore()
	client.AddHook(refused)
	guard := newGuard(t, client, tuning{MaxPending: 5, ProbeEvery: 20 * time.Millisecond})
	c := New(store, guard, Options{})
	r := started(t, &rig{store: store, guard: guard, cache: c})
	t.Cleanup(c.Stop)
	var chats []*db.Chat
	for i := range 50 { // on many slots, with names that look like hash tags among them
		chats = append(chats, store.newChat("ann", fmt.Sprint("user", i), "{ann}", "}{", "{}"))
	}
	for _, chat := range chats {
		r.chat(t, "ann", chat.ID)
		r.list(t, "{ann}")
		version := store.send(t.Context(), guard, chat.ID)
		if got := r.chat(t, "}{", chat.ID).HeadSeq; got != version {
			t.Fatalf("read version %d after %d", got, version)
		}
		r.chat(t, "}{", chat.ID)
	}
	if got := guard.Stats(); got.Hits < 50 || guard.link.Health.Failures()+got.MarkFailures > 0 {
		t.Fatalf("%+v", got)
	}
	// Too many writes while Redis is out of reach: a sweep over the nodes.
	refused.on.Store(true)
	for _, chat := range chats {
		store.send(t.Context(), guard, chat.ID)
	}
	refused.on.Store(false)
	eventually(t, "everything is deleted", func() bool { return guard.state() == "ok" && guard.pending.empty() })
	if n := node.DBSize(t.Context()).Val(); n > 5 {
		t.Errorf("%d keys are left", n)
	}
}
