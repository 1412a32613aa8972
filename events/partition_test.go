package events_test

import (
	"testing"

	"studychat/events"
)

func TestPartitionSet(t *testing.T) {
	t.Parallel()
	var some, none events.PartitionSet
	some[0], some[events.Partitions-1] = true, true
	if some.Empty() || !none.Empty() || events.AllPartitions().Minus(events.AllPartitions()) != none || some.Minus(none) != some {
		t.Error("Empty or Minus is wrong")
	}
	rest := events.AllPartitions().Minus(some)
	if rest[0] || !rest[1] {
		t.Errorf("the rest is %v", rest)
	}
}

// TestGapsAreTakenOnce: nothing is lost, and nothing comes twice.
func TestGapsAreTakenOnce(t *testing.T) {
	t.Parallel()
	var gaps events.Gaps
	gaps.Add(3)
	gaps.AddAll(events.PartitionSet{7: true})
	if gaps.Empty() {
		t.Error("empty after Add")
	}
	if got, want := gaps.Take(), (events.PartitionSet{3: true, 7: true}); got != want {
		t.Errorf("took %v", got)
	}
	if !gaps.Empty() || !gaps.Take().Empty() {
		t.Error("taken twice")
	}
}
