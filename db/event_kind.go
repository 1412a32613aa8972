package db

import (
	"maps"
	"slices"
)

// EventKind names a durable event. The values are stored.
type EventKind string

// The durable events. Each has a row in the table below.
const (
	ChatCreated     EventKind = "CHAT_CREATED"
	ChatRenamed     EventKind = "CHAT_RENAMED"
	ChatTransferred EventKind = "CHAT_TRANSFERRED"
	ChatDeleted     EventKind = "CHAT_DELETED"
	MessageSent     EventKind = "MESSAGE_SENT"
	MessageEdited   EventKind = "MESSAGE_EDITED"
	MessageDeleted  EventKind = "MESSAGE_DELETED"
	MemberAdded     EventKind = "MEMBER_ADDED"
	MemberRemoved   EventKind = "MEMBER_REMOVED"
)

// KindRow is what the program has to know about the events of one kind. The store, the wire, the ring, the streams and the
// publisher ask the row; graph/model has the other half of it, what a kind becomes in the schema.
type KindRow struct {
	Carries Payload
	Redacts Scope   // which texts of earlier events a replay does not show any more
	Joins   Subject // who becomes a member: their list of chats gets longer, and their feed gets the chat
	Leaves  Subject // whose membership ends, and with it their stream of the chat
}

// Payload is what an Event has beside its stamp: one of the fields Title, Message and Member, and how the store keeps it.
type Payload int

// The payloads.
const (
	CarriesNothing      Payload = iota + 1
	CarriesTitle                // Title
	CarriesNewMessage           // Message; the message's own row is the event, chat_events has none
	CarriesMessage              // Message; its id is stored, and a replay shows the message as it is now
	CarriesNewMember            // Member, who joined with this event
	CarriesOwner                // Member, who has been a member for longer
	CarriesFormerMember         // Member, of which UserID alone is known
)

// Scope is a part of what a chat's log tells.
type Scope int

// The scopes.
const (
	RedactsNothing Scope = iota
	RedactsMessage       // earlier events show the event's message as it is now
	RedactsChat          // earlier events show no text at all
)

// Subject is somebody, as an event sees them.
type Subject int

// The subjects.
const (
	Nobody Subject = iota
	TheActor
	TheMember // Event.Member
	Everybody
)

// eventKinds is the table.
var eventKinds = map[EventKind]KindRow{
	ChatCreated:     {Carries: CarriesTitle, Joins: TheActor},
	ChatRenamed:     {Carries: CarriesTitle},
	ChatTransferred: {Carries: CarriesOwner},
	ChatDeleted:     {Carries: CarriesNothing, Redacts: RedactsChat, Leaves: Everybody},
	MessageSent:     {Carries: CarriesNewMessage},
	MessageEdited:   {Carries: CarriesMessage, Redacts: RedactsMessage},
	MessageDeleted:  {Carries: CarriesMessage, Redacts: RedactsMessage},
	MemberAdded:     {Carries: CarriesNewMember, Joins: TheMember},
	MemberRemoved:   {Carries: CarriesFormerMember, Leaves: TheMember},
}

// Row is the kind's row. It is zero for a kind that this version does not know: an event of a newer instance.
func (k EventKind) Row() KindRow { return eventKinds[k] }

// EventKinds returns the kinds whose rows satisfy the condition, in the order of their values.
func EventKinds(which func(KindRow) bool) []EventKind {
	kinds := slices.Sorted(maps.Keys(eventKinds))
	return slices.DeleteFunc(kinds, func(k EventKind) bool { return !which(k.Row()) })
}
