package db

import (
	"sync"
	"time"
)

// Event is one change of a chat. It takes the chat's next number in the transaction of the change, so numbers have the order of commits,
// without a gap. Events are shared between goroutines: never change one.
type Event struct {
	ChatID string    `json:"chatId"`
	Seq    int64     `json:"seq"`
	Epoch  int64     `json:"epoch"`
	Kind   EventKind `json:"kind"`
	Actor  string    `json:"actor"`
	At     time.Time `json:"at"` // never earlier than the event before it in the same chat

	// At most one of these is set: see KindRow.Carries.
	Title   string   `json:"title,omitempty"`
	Message *Message `json:"message,omitempty"` // on replay as it is now
	Member  *Member  `json:"member,omitempty"`

	// Repeated says that this call committed nothing: it repeats an earlier call, or there was nothing to change. The event then
	// describes the chat's state and must not be published.
	Repeated bool `json:"-"`

	// Trace is the traceparent of the operation that made the event, if that is recorded: for deliveries, wherever they happen. It is not
	// stored.
	Trace string `json:"-"`

	// Batch is the events that were committed together with this one; nil when it was alone. The caller that announces this event
	// announces all of them, so that those of one chat are announced in order.
	Batch *Batch `json:"-"`
}

// Batch is several events that one transaction has committed, those of each chat in the order of their numbers.
type Batch struct {
	once   sync.Once
	events []*Event
}

// NewBatch makes the batch of events that were just committed together.
func NewBatch(events []*Event) {
	b := &Batch{events: events}
	for _, event := range events {
		event.Batch = b
	}
}

// Announce calls do with each event, in the first of its calls; the others wait until that is done.
func (b *Batch) Announce(do func(event *Event)) {
	b.once.Do(func() {
		for _, event := range b.events {
			do(event)
		}
		b.events = nil // an event that is kept does not keep the others
	})
}

// Cursor is the place in the chat's log just after the event.
func (e *Event) Cursor() Cursor { return Cursor{ChatID: e.ChatID, Epoch: e.Epoch, Seq: e.Seq} }

// Identity names the event: no other event of any chat has it, not even the one with the same number in another history of the chat. It
// is the same at every delivery within an epoch. In a later epoch the event has another identity, after a reset.
func (e *Event) Identity() string { return e.Cursor().String() }

// Complete says whether the event has what its kind carries. It is false for a kind that this version does not know.
func (e *Event) Complete() bool {
	switch e.Kind.Row().Carries {
	case CarriesNothing, CarriesTitle:
		return true
	case CarriesNewMessage, CarriesMessage:
		return e.Message != nil && e.Message.ChatID == e.ChatID
	case CarriesNewMember, CarriesOwner, CarriesFormerMember:
		return e.Member != nil
	default:
		return false
	}
}

// Joined returns the user who becomes a member with the event, or "".
func (e *Event) Joined() string { return e.user(e.Kind.Row().Joins) }

// Left returns the user whose membership ends with the event, or "". The last event of a chat ends every membership and returns "".
func (e *Event) Left() string { return e.user(e.Kind.Row().Leaves) }

func (e *Event) user(subject Subject) string {
	switch subject {
	case TheActor:
		return e.Actor
	case TheMember:
		return e.Member.UserID
	default:
		return ""
	}
}

// IsLast says whether the chat's log ends with the event.
func (e *Event) IsLast() bool { return e.Kind.Row().Leaves == Everybody }

// Ends says whether user's stream of the chat ends with the event.
func (e *Event) Ends(user string) bool { return e.IsLast() || e.Left() == user }

// After returns the event as a replay shows it after the later event of the same chat. Events are shared, so an event that
// changes is copied.
func (e *Event) After(later *Event) *Event {
	shown := *e
	switch scope := later.Kind.Row().Redacts; {
	case scope == RedactsMessage && e.Message != nil && e.Message.ID == later.Message.ID:
		shown.Message = later.Message
	case scope == RedactsChat && (e.Title != "" || e.Message != nil):
		shown.Title = ""
		if e.Message != nil {
			shown.Message = e.Message.Redacted(later.At)
		}
	default:
		return e
	}
	return &shown
}

// Head is how far a chat's log reaches.
type Head struct {
	ChatID    string     `bun:"id"`
	HeadSeq   int64      `bun:"head_seq"`
	FloorSeq  int64      `bun:"floor_seq"`
	Epoch     int64      `bun:"epoch"`
	LastAt    time.Time  `bun:"last_at"`
	DeletedAt *time.Time `bun:"deleted_at"` // of a deleted chat, whose newest event is its last

	// JoinedSeq is the number of the event that made the viewer a member, from methods with a viewer. 0 when the viewer is not a
	// member, or joined before the number was kept.
	JoinedSeq int64 `bun:"joined_seq"`

	Member bool `bun:"member"` // whether the viewer is a member, from methods with a viewer
}

// Changes says which chats have changed since a time.
type Changes struct {
	Epoch int64
	Heads map[string]int64 // by chat, the number of its newest event
}

// FeedPlace is the place of a feed in a chat's log: after the number Seq, and after everything that happened before Since.
type FeedPlace struct {
	Since time.Time
	Seq   int64
}

// Standing is what a chat's log has for a viewer who has read up to a place: the rest of their first membership that had not ended at
// that place. It is one snapshot, so membership and log agree.
type Standing struct {
	Head // JoinedSeq is of that membership: 0 when it began before the place, or when that is unknown

	Before  int64      // number of the newest event that happened before FeedPlace.Since, or FloorSeq when none is kept
	Removed *Event     // how that membership ended: nil when it continues (Member), or when there is none
	FloorAt *time.Time // pruned events happened before this; nil when nothing is pruned
}

// Log is a part of a chat's log, read in one snapshot together with the log's head.
type Log struct {
	Head
	Events []*Event // consecutive, starting just after the requested number, or after FloorSeq if that is higher
}
