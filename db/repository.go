// Package db is the domain: chats, members, messages, their events, and the contract of the Repository that keeps them.
//
// It imports no other package of this module. The layers on top of the store (the cache, the publisher) are decorators of
// Repository, so that no caller can forget to invalidate or to publish.
package db

import (
	"context"
	"time"
)

// Repository keeps chats. It is the contract between the store, its decorators and the edge; dbtest runs one suite
// over every implementation.
//
// # Viewer
//
// viewer is the id of the user who asks. Every method checks in the same statement or transaction that the viewer is a
// member of the chat. A chat without the viewer, a deleted chat and a chat that never existed give the same NOT_FOUND, and so
// do the messages in them.
//
// # Arguments
//
// Ids are canonical (ParseID), texts are clean (CleanTitle, CleanContent, CleanName) and pages are made by NewPage:
// the edge has checked them, a Repository does not check them again.
//
// # Writes
//
// A write that returns without error is durable. Each is one transaction that takes the chat's row lock and the chat's
// next number, so commits of one chat are ordered by Event.Seq, without a gap; a rollback gives the number back.
// Permission is judged after the lock was taken, so it is ordered with the content. A write that finds nothing to do
// commits nothing and sets Event.Repeated. A write happens completely or not at all; when an error leaves the outcome unknown
// (UNAVAILABLE at commit), a repeat with the same id finds out.
//
// # What is forgotten
//
// Pruning (RETENTION_DAYS) deletes old messages and events, and raises FloorSeq. Deleted chats are forgotten after
// TombstoneAge. A repeat is recognised only while what it repeats is kept: the id of a pruned message or of a forgotten chat
// is free again.
//
// # Ids
//
// Chats and messages share one space of ids, across all users: an id that is taken is CONFLICT for every other use, also when
// two calls take it at the same moment.
//
// # Errors
//
// NOT_FOUND, FORBIDDEN, CONFLICT and BAD_USER_INPUT as documented at each method; UNAVAILABLE when the database does not
// answer in time; any other error is a fault and becomes INTERNAL. A cancelled ctx gives an error that wraps ctx.Err().
//
// # Ownership
//
// Results may be shared with other callers (the cache does so): read them, never change them. All methods are safe for
// concurrent use.
type Repository interface {
	Reads
	Writes
}

// Reads are the methods that change nothing. A decorator that has to see every write embeds Reads alone: then the compiler
// demands each method of Writes from it.
type Reads interface {
	Clock
	ChatReads
	MessageReads
	UserReads
	ModuleReads
	EventReads
}

// Clock is the time of the database, which stamps events. Compare events with it and not with the clock of the machine, which
// may be wrong by any amount. Both methods answer at once, from the last measurement.
type Clock interface {
	// Now is the time of the database. It is measured, so it may be off by half a round trip.
	Now() time.Time

	// Horizon is a time of the database with this promise: every read that begins after the call sees all events with an
	// earlier stamp that will ever be committed.
	Horizon() time.Time
}

// ChatReads are the reads of chats.
type ChatReads interface {
	// Chats returns a page of the viewer's chats, by (LastMessageAt, ID) descending, each with Members and LastMessage,
	// in a number of statements that does not depend on the page. module narrows it to one module.
	Chats(ctx context.Context, viewer string, module *string, page Page) (*ChatList, error)

	// CountChats returns how many chats the whole list of Chats has, at most MaxCount.
	CountChats(ctx context.Context, viewer string, module *string) (int, error)

	// Chat returns one chat with Members, LastMessage and Newest, all from one snapshot.
	Chat(ctx context.Context, viewer, id string) (*Chat, error)

	// ChatsByID returns those of the chats that the viewer is a member of, each with Members and LastMessage, in a fixed
	// number of statements.
	ChatsByID(ctx context.Context, viewer string, ids []string) (map[string]*Chat, error)

	// ViewerStates returns what each of the chats is to the viewer, in a fixed number of statements. Chats that are
	// NOT_FOUND are absent from the answer.
	ViewerStates(ctx context.Context, viewer string, chatIDs []string) (map[string]ViewerState, error)

	// ReadMarks returns the read marks of all members of those chats that the viewer is a member of, by chat and user, in
	// one statement.
	ReadMarks(ctx context.Context, viewer string, chatIDs []string) (map[string]map[string]int64, error)

	// OwnedChats returns the ids of the chats that the viewer owns, ascending, starting after the id `after`, at most
	// limit. clearChats goes through them.
	OwnedChats(ctx context.Context, viewer, after string, limit int) ([]string, error)
}

// MessageReads are the reads of messages.
type MessageReads interface {
	// Messages returns the asked page of each of the chats, in a number of statements that does not depend on how many
	// chats or messages there are. Chats that are NOT_FOUND are absent from the answer. The cost of a page does not
	// depend on where in the chat it lies.
	Messages(ctx context.Context, viewer string, chatIDs []string, page Page) (map[string]*MessageList, error)

	// MessagesAround returns a page of limit messages of the chat around the place: half of them are older, unless there are
	// not as many on one side. NOT_FOUND of the message when the place is an id that no message of this chat has.
	MessagesAround(ctx context.Context, viewer, chatID string, place Place, limit int) (*MessageList, error)

	// MessagesByID returns those of the messages that the viewer may see, deleted ones included, in one statement.
	MessagesByID(ctx context.Context, viewer string, ids []string) (map[string]*Message, error)
}

// UserReads are the reads of users.
type UserReads interface {
	// Users returns those of the users that are known, in one statement.
	Users(ctx context.Context, ids []string) (map[string]*User, error)

	// SharedUsers returns those of the users who are the viewer or share a chat with the viewer, in one statement.
	SharedUsers(ctx context.Context, viewer string, ids []string) (map[string]bool, error)
}

// ModuleReads are the reads of modules, which are the same for every viewer. Modules come without their Content.
type ModuleReads interface {
	// Modules returns a page of all modules, by (Title, ID).
	Modules(ctx context.Context, page Page) (*ModuleList, error)

	// ModulesByID returns those of the modules that exist, in one statement.
	ModulesByID(ctx context.Context, ids []string) (map[string]*Module, error)

	// ModuleContents returns the contents of those of the modules that exist, in one statement.
	ModuleContents(ctx context.Context, ids []string) (map[string]string, error)
}

// EventReads are the reads of the live path. Methods without a viewer are for the hub alone, which has checked the viewer with
// Head and follows membership by the events themselves.
type EventReads interface {
	Clock

	// Head returns how far the chat's log reaches. A deleted chat is still found by its last members.
	Head(ctx context.Context, viewer, chatID string) (Head, error)

	// Standing returns what the chat's log holds for the viewer after the place, in one snapshot. It finds the viewer's removal
	// for TombstoneAge, also below FloorSeq. Except for the Head it tells nothing about the time in which the viewer was not a
	// member. NOT_FOUND when the chat never existed.
	Standing(ctx context.Context, viewer, chatID string, place FeedPlace) (*Standing, error)

	// FeedHeads returns the heads of the viewer's chats. With since, also those of deleted chats and of chats that the
	// viewer left or was removed from, and only chats that changed at or after since.
	FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]Head, error)

	// FeedStart returns in one snapshot what FeedHeads gives without since and with it: the start of a feed without a replay.
	FeedStart(ctx context.Context, viewer string, since time.Time) ([]Head, error)

	// Heads returns the heads of the chats, deleted ones included; unknown ids are absent. One statement.
	Heads(ctx context.Context, chatIDs []string) ([]Head, error)

	// Changes returns the chats with an event that happened at or after the time: at most limit of them, any ones. One statement, whose
	// cost follows the number of these events.
	Changes(ctx context.Context, since time.Time, limit int) (Changes, error)

	// Log returns at most limit events of the chat with Seq > after, in order, in one snapshot with the log's head.
	// Messages and chat_events are merged by number. NOT_FOUND when the chat never existed.
	Log(ctx context.Context, chatID string, after int64, limit int) (*Log, error)

	// Epoch returns the number of the current history. It rises after a restore or a promotion, also while the server runs:
	// every method gives the epoch of its own snapshot. See CheckEpoch of the store.
	Epoch(ctx context.Context) (int64, error)
}

// Writes are the methods that change something. Those that answer with an Event take the chat's next number for it.
type Writes interface {
	// CreateChat starts a chat with the viewer as owner: its event 1, ChatCreated. When the id is taken: by a chat of
	// this viewer that was created with the same title and module (any title, once its first event was pruned), the event
	// is Repeated; else CONFLICT, also when that chat was deleted since and its tombstone is kept. NOT_FOUND of the module, unless
	// the call is a repeat.
	CreateChat(ctx context.Context, viewer string, chat NewChat) (*Event, error)

	// RenameChat gives the chat a new title: ChatRenamed. FORBIDDEN unless the viewer is the owner.
	// Repeated when the title is the same.
	RenameChat(ctx context.Context, viewer, id, title string) (*Event, error)

	// DeleteChat deletes the chat: ChatDeleted, its last event. It deletes the messages and the earlier events at once and
	// leaves a tombstone with the members, so that streams end properly. FloorSeq becomes Seq-1.
	// FORBIDDEN unless the viewer is the owner. Repeated when the owner has deleted it before.
	DeleteChat(ctx context.Context, viewer, id string) (*Event, error)

	// TransferChat makes another member the owner: ChatTransferred. FORBIDDEN unless the viewer is the owner; CONFLICT when
	// user is not a member. Repeated when user is the owner already.
	TransferChat(ctx context.Context, viewer, id, user string) (*Event, error)

	// SendMessage adds a message: MessageSent. When the id is taken: by a message of this viewer in the same chat with
	// the same role, content (any content, if it was edited or deleted since) and ReplyTo, the event is Repeated and carries
	// that message as it is now; else CONFLICT. NOT_FOUND of the message that ReplyTo names, unless the chat has it.
	SendMessage(ctx context.Context, viewer string, message NewMessage) (*Event, error)

	// EditMessage replaces the content: MessageEdited. FORBIDDEN unless the viewer is the author; CONFLICT when it is
	// deleted. Repeated when the content is the same.
	EditMessage(ctx context.Context, viewer, id, content string) (*Event, error)

	// DeleteMessage takes the content away: MessageDeleted. FORBIDDEN unless the viewer is the author or the chat's
	// owner. Repeated when it is deleted already.
	DeleteMessage(ctx context.Context, viewer, id string) (*Event, error)

	// AddMember makes user a member, known or not: MemberAdded. FORBIDDEN unless the viewer is the
	// owner; CONFLICT when the chat has MaxMembers. Repeated when user is a member already.
	AddMember(ctx context.Context, viewer, chatID, user string) (*Event, error)

	// AddKnownMember is AddMember for users that SawUser or UpsertUser has stored: NOT_FOUND of the user for others.
	AddKnownMember(ctx context.Context, viewer, chatID, user string) (*Event, error)

	// RemoveMember takes user out of the chat: MemberRemoved. FORBIDDEN unless the viewer is the owner, and for the
	// owner. Repeated when user is not a member.
	RemoveMember(ctx context.Context, viewer, chatID, user string) (*Event, error)

	// LeaveChat takes the viewer out of the chat: MemberRemoved. FORBIDDEN for the owner.
	LeaveChat(ctx context.Context, viewer, chatID string) (*Event, error)

	// MarkRead raises the viewer's read mark to seq, at most to the chat's head, and returns the mark and whether this
	// call moved it. It neither takes a number of the chat nor touches the chat's row.
	MarkRead(ctx context.Context, viewer, chatID string, seq int64) (readSeq int64, moved bool, err error)

	// UpdateViewerState changes what the chat is to the viewer alone. It takes no number of the chat.
	UpdateViewerState(ctx context.Context, viewer, chatID string, change ViewerStateChange) error

	// SawUser stores a user who has shown a token. It writes the token's claims when the token is newer than the last one and
	// its claims differ from that one's: so a name from UpsertUser stays until the token says something else. A token without
	// claims changes nothing.
	SawUser(ctx context.Context, id string, claims Claims) (*User, error)

	// UpsertUser writes a user's name and picture.
	UpsertUser(ctx context.Context, user User) error

	// PutModule creates or replaces a module; UpdatedAt is set here, and stays when nothing is different.
	PutModule(ctx context.Context, module Module) (*Module, error)

	// DeleteModule deletes a module, if it exists. Its chats keep its id.
	DeleteModule(ctx context.Context, id string) error
}
