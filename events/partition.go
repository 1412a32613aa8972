package events

import "sync/atomic"

// Partitions is how many channels the topics are spread over. All instances must agree on it. The number has many divisors, so
// that every master of a cluster carries about the same number of partitions (docs/decisions.md).
const Partitions = 96

// PartitionSet is a set of partitions.
type PartitionSet [Partitions]bool

// AllPartitions returns the set of all partitions.
func AllPartitions() (set PartitionSet) {
	for p := range set {
		set[p] = true
	}
	return set
}

// Minus returns the members of s that are not in other.
func (s PartitionSet) Minus(other PartitionSet) (rest PartitionSet) {
	for p, member := range s {
		rest[p] = member && !other[p]
	}
	return rest
}

// Empty reports whether the set has no members.
func (s PartitionSet) Empty() bool { return s == PartitionSet{} }

// Gaps collects the partitions whose notifications may have been lost, until they are taken. All methods may be called at the
// same time; the zero value is empty.
type Gaps [Partitions]atomic.Bool

// Add adds one partition.
func (g *Gaps) Add(partition int) { g[partition].Store(true) }

// AddAll adds the members of set.
func (g *Gaps) AddAll(set PartitionSet) {
	for p, member := range set {
		if member {
			g.Add(p)
		}
	}
}

// Take returns the partitions and forgets them. A partition that is added meanwhile is taken now or the next time.
func (g *Gaps) Take() (set PartitionSet) {
	for p := range g {
		set[p] = g[p].Swap(false)
	}
	return set
}

// Empty reports whether Take would return nothing.
func (g *Gaps) Empty() bool {
	for p := range g {
		if g[p].Load() {
			return false
		}
	}
	return true
}
