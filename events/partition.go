package events

import "sync"

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

// Add adds the members of other.
func (s *PartitionSet) Add(other PartitionSet) {
	for p, member := range other {
		s[p] = s[p] || member
	}
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
type Gaps struct {
	mu  sync.Mutex
	set PartitionSet
}

// Add adds one partition.
func (g *Gaps) Add(partition int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set[partition] = true
}

// AddAll adds the members of set.
func (g *Gaps) AddAll(set PartitionSet) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set.Add(set)
}

// Take returns the partitions and forgets them.
func (g *Gaps) Take() PartitionSet {
	g.mu.Lock()
	defer g.mu.Unlock()
	set := g.set
	g.set = PartitionSet{}
	return set
}

// Empty reports whether Take would return nothing.
func (g *Gaps) Empty() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.set.Empty()
}
