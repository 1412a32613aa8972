package hub

import "studychat/db"

// Bounds of what a topic keeps in memory. A follower that is further behind reads the database.
const (
	ringEvents = 256
	ringBytes  = 128 << 10 // estimated; the newest event is kept at any size
)

// ring is the newest stretch of a chat's log: consecutive, oldest first.
type ring struct {
	events []*db.Event
	bytes  int
}

// add appends the next event, and drops the oldest ones as necessary.
func (r *ring) add(event *db.Event) {
	r.redact(event)
	r.events = append(r.events, event)
	r.bytes += sizeOf(event)
	for len(r.events) > ringEvents || r.bytes > ringBytes && len(r.events) > 1 {
		r.bytes -= sizeOf(r.events[0])
		r.events[0] = nil // the array outlives the slice for a while
		r.events = r.events[1:]
	}
}

// at returns the event with the sequence number, or nil if the ring does not have it.
func (r *ring) at(seq int64) *db.Event {
	if len(r.events) == 0 {
		return nil
	}
	i := seq - r.events[0].Seq
	if i < 0 || i >= int64(len(r.events)) {
		return nil
	}
	return r.events[i]
}

func (r *ring) clear() { *r = ring{} }

// redact makes earlier events show a message as it is after the coming event, as a replay from the database does: edited or
// deleted text must not be delivered again. The deletion of the chat removes all texts. Events are shared, so they are replaced,
// never changed.
func (r *ring) redact(coming *db.Event) {
	switch coming.Kind {
	case db.MessageEdited, db.MessageDeleted:
		r.replace(func(old *db.Event) *db.Event {
			if old.Message == nil || old.Message.ID != coming.Message.ID {
				return old
			}
			changed := *old
			changed.Message = coming.Message
			return &changed
		})
	case db.ChatDeleted:
		r.replace(func(old *db.Event) *db.Event { return blank(old, coming) })
	}
}

func (r *ring) replace(by func(*db.Event) *db.Event) {
	r.bytes = 0
	for i, old := range r.events {
		r.events[i] = by(old)
		r.bytes += sizeOf(r.events[i])
	}
}

// blank is the event without its texts.
func blank(event, deletion *db.Event) *db.Event {
	if event.Title == "" && event.Message == nil {
		return event
	}
	changed := *event
	changed.Title = ""
	if event.Message != nil {
		message := *event.Message
		message.Content, message.DeletedAt = "", &deletion.At
		changed.Message = &message
	}
	return &changed
}

// sizeOf estimates the memory that an event holds, in bytes.
func sizeOf(event *db.Event) int {
	const fixed = 400 // the structs and their short strings
	size := fixed + len(event.Title)
	if event.Message != nil {
		size += len(event.Message.Content)
	}
	return size
}
