package events

import (
	"sync"

	"studychat/db"
)

// topic is what this instance knows of one chat's log while somebody here follows it.
//
// last is the number up to which the log is known, and the ring ends with it. Everything that arrives is either the very
// next event, or no more than a hint that there is more to read: so lost, doubled and reordered pokes all
// end in the same place, a read of the log.
type topic struct {
	hub    *Hub
	chatID string
	refs   int // guarded by hub.mu

	mu        sync.Mutex
	known     bool // a head was read: the fields below mean something
	epoch     int64
	last      int64
	want      int64 // number that the log is said to reach; above last, there is something to read
	suspect   bool  // there are signs of another history: read, whatever want says
	filling   bool  // catchUp runs: there is at most one
	abandoned bool  // nobody follows any more
	// generation rises when the log did not go on but was replaced (restored, promoted, lost): who has followed
	// an earlier generation must ask anew.
	generation int64
	renewed    int64 // the generation in which the epoch rose to what it is
	ring       ring
	passing    passingSet
	followers  map[*follower]struct{}
}

func newTopic(hub *Hub, chatID string) *topic {
	return &topic{hub: hub, chatID: chatID, followers: map[*follower]struct{}{}}
}

// poke takes in a hint.
func (t *topic) poke(poke Poke) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case poke.Passing != nil:
		if t.passing.put(*poke.Passing) {
			t.wake()
		}
	case !t.known:
		t.want = max(t.want, poke.Seq) // whoever registered first is just reading the head
	case poke.Epoch < t.epoch: // somebody who has not noticed yet that the history changed
	case poke.Epoch > t.epoch:
		t.suspect = true
		t.fill()
	case poke.Event != nil && poke.Seq == t.last+1:
		t.append(poke.Event)
		t.wake()
	case poke.Seq > t.last:
		t.want = max(t.want, poke.Seq)
		t.fill()
	}
}

// mark is how far the topic was before a read began.
type mark struct{ generation, last, want int64 }

func (t *topic) mark() mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mark{t.generation, t.last, t.want}
}

// earlier is the mark for a head that was read before anything was marked: it may raise what is known, and its being lower
// means nothing.
func (t *topic) earlier() mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	return mark{generation: t.generation}
}

// observe takes in a head that was read after the mark was taken. It returns the generation that the head belongs to.
func (t *topic) observe(head db.Head, before mark) (generation int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	current := before.generation == t.generation
	t.judge(head, before)
	t.fill()
	// Where the log was replaced while the head was read, the epoch tells which log the head is of, unless the log was
	// replaced within an epoch: then nobody knows.
	if current || head.Epoch == t.epoch && t.generation == t.renewed {
		return t.generation
	}
	return before.generation
}

// judge compares a head with what is known. A head that is lower than what was known before it was read means that
// the log was replaced: a commit that was announced cannot be missing from a later read.
func (t *topic) judge(head db.Head, before mark) {
	switch {
	case !t.known:
		t.known, t.epoch, t.last = true, head.Epoch, head.HeadSeq
	case head.Epoch < t.epoch: // read before the history changed
	case head.Epoch > t.epoch, before.generation == t.generation && head.HeadSeq < before.last:
		t.restart(head)
	default:
		t.want = max(t.want, head.HeadSeq)
	}
}

// restart forgets the log that was followed so far.
func (t *topic) restart(head db.Head) {
	t.generation++
	if head.Epoch > t.epoch {
		t.renewed = t.generation
	}
	t.epoch, t.last, t.want, t.suspect = head.Epoch, head.HeadSeq, head.HeadSeq, false
	t.ring.clear()
	t.wake()
}

// vanish takes in that the database does not know the chat any more.
func (t *topic) vanish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		t.restart(db.Head{Epoch: t.epoch})
	}
}

// offer appends those events of a log that come next here. Where the log begins further on, because older events are
// not kept or were not asked for, the ring starts over: followers who are behind it read for themselves.
func (t *topic) offer(log *db.Log, skip bool) {
	if log.Epoch != t.epoch {
		return
	}
	before := t.last
	if log.FloorSeq > t.last {
		t.ring.clear()
		t.last = log.FloorSeq
	}
	if skip && len(log.Events) > 0 && log.Events[0].Seq > t.last+1 {
		t.ring.clear()
		t.last = log.Events[0].Seq - 1
	}
	for _, event := range log.Events {
		if event.Seq == t.last+1 {
			t.append(event)
		}
	}
	if t.last > before {
		t.wake()
	}
}

func (t *topic) append(event *db.Event) {
	t.ring.add(event)
	t.last = event.Seq
}

// wake tells the followers that there is news. wake functions neither block nor take other locks than their own.
func (t *topic) wake() {
	for f := range t.followers {
		f.wake()
	}
}

func (t *topic) knownEpoch() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch
}

// seen is the highest number that this instance has heard of.
func (t *topic) seen() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.last, t.want)
}
