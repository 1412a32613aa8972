package hub

import (
	"sync"

	"studychat/db"
	"studychat/events"
	"studychat/events/hub/delivery"
)

// topic is what this instance knows of one chat's log while the chat is followed here.
//
// last is the sequence number up to which the log is known, and the ring ends with it. Every notification is either the very next
// event, or just a hint that there is more to read. So lost, doubled and reordered notifications all end the same way: the topic
// reads the log (topic_fill.go).
type topic struct {
	*reader
	chatID    string
	partition int
	refs      int // guarded by Hub.topicsMu
	streams   int // of the refs those that are not of feeds; guarded likewise

	mu         sync.Mutex
	known      bool // a head was read: the fields below are valid
	epoch      int64
	last       int64
	hint       delivery.Path // how that was announced which is to be read
	announced  int64         // the log is said to reach this number; above last, there is something to read
	mustResync bool          // there are signs of another history: read, whatever announced says
	filling    bool          // catchUp runs: at most once
	abandoned  bool          // nobody follows the chat any more
	// generation rises when the log was replaced (restored, promoted, lost): followers of an earlier generation must find their
	// place again.
	generation int64
	renewed    int64 // the generation in which the epoch rose to its present value
	ring       ring
	ephemeral  ephemeralSet
	followers  map[*follower]struct{} // those that are not in a group
	groups     map[any]*group         // by events.Audience.Key
}

func newTopic(r *reader, chatID string) *topic {
	return &topic{reader: r, chatID: chatID, partition: events.ChatTopic(chatID).Partition(), followers: map[*follower]struct{}{}, groups: map[any]*group{}}
}

// notify applies a hint.
func (t *topic) notify(notification events.Notification, path delivery.Path) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if notification.Seq > t.announced {
		t.hint = path
	}
	switch {
	case notification.Ephemeral != nil:
		if t.ephemeral.put(*notification.Ephemeral) {
			t.wake()
		}
	case !t.known:
		t.announced = max(t.announced, notification.Seq) // the first follower is about to read the head
	case notification.Epoch < t.epoch: // its sender does not know yet that the history changed
	case notification.Epoch > t.epoch:
		t.mustResync = true
		t.fill()
	case notification.Event != nil && notification.Seq == t.last+1:
		t.append(notification.Event, path)
		t.wake()
	case notification.Seq > t.last:
		t.announced = max(t.announced, notification.Seq)
		t.fill()
	}
}

// position is how far the topic was before a read began.
type position struct{ generation, last, announced int64 }

func (t *topic) position() (p position, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return position{t.generation, t.last, t.announced}, t.known
}

// unplaced is the position for a head that was read at an unknown time: the head may raise what is known, and if it is lower,
// that means nothing.
func (t *topic) unplaced() position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return position{generation: t.generation}
}

// observe applies a head that was read after the position was taken. It returns the generation that the head belongs to.
func (t *topic) observe(head db.Head, before position) (generation int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	current := before.generation == t.generation
	if head.HeadSeq > max(t.announced, t.last) {
		t.hint = delivery.Sweep
	}
	t.apply(head, before)
	t.fill()
	// If the log was replaced while the head was read, the epoch tells which log the head is of, unless the log was replaced
	// within an epoch: then it is unknown.
	if current || head.Epoch == t.epoch && t.generation == t.renewed {
		return t.generation
	}
	return before.generation
}

// apply compares a head with what is known. A head that is lower than what was known before it was read means that the log was
// replaced: a commit that was announced cannot be missing from a later read.
func (t *topic) apply(head db.Head, before position) {
	switch {
	case !t.known:
		t.known, t.epoch, t.last = true, head.Epoch, head.HeadSeq
	case head.Epoch < t.epoch: // read before the history changed
	case head.Epoch > t.epoch, before.generation == t.generation && head.HeadSeq < before.last:
		t.restart(head)
	default:
		t.announced = max(t.announced, head.HeadSeq)
	}
}

// restart forgets the log that was followed so far.
func (t *topic) restart(head db.Head) {
	t.generation++
	if head.Epoch > t.epoch {
		t.renewed = t.generation
	}
	t.epoch, t.last, t.announced, t.mustResync = head.Epoch, head.HeadSeq, head.HeadSeq, false
	t.ring.clear()
	t.wake()
}

// vanish is called when the database does not have the chat any more.
func (t *topic) vanish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known {
		t.restart(db.Head{Epoch: t.epoch})
	}
}

func (t *topic) append(event *db.Event, path delivery.Path) {
	t.ring.add(event, path)
	t.last = event.Seq
}

// seen is the highest sequence number that this instance has heard of.
func (t *topic) seen() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(t.last, t.announced)
}
