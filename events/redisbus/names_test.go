package redisbus

import (
	"slices"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/redisconn"
)

// TestNamesAreReplaced: a bus and a registry of one database reach each other, and nobody else; when the database gets another id,
// both continue under the new names.
func TestNamesAreReplaced(t *testing.T) {
	t.Parallel()
	everyRedis(t, func(t *testing.T, connect connector) {
		ctx, chat := t.Context(), eventstest.ChatOf("c", "ann")
		a, b := handle(t, connect(t)), handle(t, connect(t))
		from, to := New(a, eventstest.Log(t)), New(b, eventstest.Log(t))
		startBus(t, from)
		got := startBus(t, to)
		here := eventstest.StartRegistry(t, NewRegistry(a, time.Now, eventstest.Log(t)))
		there := eventstest.StartRegistry(t, NewRegistry(b, time.Now, eventstest.Log(t)))
		to.Join(aPartition)
		here.Add(ctx, events.ChatTopic("c"), "ann")
		isOnline := func() bool {
			online, err := there.Online(ctx, []*db.Chat{chat})
			return err == nil && len(online["c"]) == 1
		}
		arrives(t, over, from, got, aPartition, 1)
		eventually(t, over, "ann is online", isOnline)

		a.Names.Use("another database")
		if isOnline() != true {
			t.Error("what exists under the old names is there until it expires")
		}
		got.Forget()
		other := New(redisconn.Handle{Client: b.Client, Names: a.Names, Health: b.Health}, eventstest.Log(t))
		heard := startBus(t, other)
		other.Join(aPartition)
		arrives(t, over, from, heard, aPartition, 2)     // what the first bus publishes now is under the new names
		if got.Has(string(topicIn(aPartition)) + "@2") { // a repeated @1 may still be on its way
			t.Errorf("%q crossed from one database to another", got.All())
		}
		b.Names.Use("another database")
		eventually(t, over, "ann is online under the new names", isOnline)
		arrives(t, over, from, got, aPartition, 3)
		if slices.Contains(got.States(), events.Degraded) {
			t.Error("a replacement of the names is not an outage")
		}
	})
}
