package eventstest

import (
	"testing"
	"time"

	"studychat/events"
)

// Burst is how many notifications TestBus publishes at once: more than any queue of a bus holds.
const Burst = 8192

// StartBus starts a bus with the sink, and returns the sink. The bus stops with the test.
func StartBus[S events.Sink](t *testing.T, bus events.Bus, got S) S {
	t.Helper()
	if err := bus.Start(Within(t, 10*time.Second), got); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Stop)
	return got
}

// TestBus tries what every bus promises to its own process, whatever its network does. newBus makes a bus of its own for each case.
func TestBus(t *testing.T, newBus func(t *testing.T) events.Bus) {
	for name, test := range map[string]func(t *testing.T, bus events.Bus){
		"delivers here at once":  deliversHereAtOnce,
		"publish never holds up": publishNeverHoldsUp,
		"life":                   busLife,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newBus(t))
		})
	}
}

func deliversHereAtOnce(t *testing.T, bus events.Bus) {
	got := StartBus(t, bus, &Recorder{})
	bus.Publish(t.Context(), events.Notification{Topic: events.ChatTopic("c"), Seq: 1})
	if got.All() != "c:c@1" {
		t.Errorf("Publish returned before this process had the notification: %q", got.All())
	}
	bus.Join(events.ChatTopic("c").Partition())
	bus.Publish(t.Context(), events.Notification{Topic: events.ChatTopic("c"), Seq: 2})
	if got.All() != "c:c@1 c:c@2" {
		t.Errorf("Join must not change what this process gets of itself: %q", got.All())
	}
}

func publishNeverHoldsUp(t *testing.T, bus events.Bus) {
	StartBus(t, bus, &Recorder{})
	begun := time.Now()
	for i := range Burst {
		bus.Publish(t.Context(), events.Notification{Topic: events.ChatTopic("c"), Seq: int64(i)})
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("%d notifications took %v", Burst, took)
	}
}

func busLife(t *testing.T, bus events.Bus) {
	bus.Publish(t.Context(), events.Notification{Topic: events.ChatTopic("c")}) // before the start: there is no sink
	bus.Join(3)
	bus.Leave(3)
	got := StartBus(t, bus, &Recorder{})
	bus.Stop()
	bus.Stop()
	bus.Join(3)
	bus.Publish(t.Context(), events.Notification{Topic: events.ChatTopic("c"), Seq: 1})
	bus.Leave(3)
	if got.All() != "" {
		t.Errorf("a stopped bus delivered %q", got.All())
	}
	if bus.State() != events.Degraded {
		t.Error("a stopped bus says it is healthy")
	}
}
