package db

import (
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Sizes of pages and of a chat.
const (
	MaxPage      = 100 // rows a page may have
	ChatPage     = 20  // chats in a page when the client does not say; the first page of this size is cached
	MessagePage  = 50  // messages in a page when the client does not say; also the most that come with a Chat
	MaxMembers   = 500
	MaxCount     = 1000     // what counts of lists stop at
	UnreadWindow = 100      // newest messages in which unread ones are counted
	NewestBytes  = 64 << 10 // bytes of content that come with a Chat; older messages are left out of Newest
)

// TombstoneAge is how long a deleted chat is remembered, and that somebody was removed from a chat: the feed goes on
// from cursors almost as old.
const TombstoneAge = 30 * 24 * time.Hour

// Chat is a chat, for SQL and for GraphQL alike. Whatever comes out of a Repository has Members and LastMessage;
// Newest comes with Repository.Chat alone.
type Chat struct {
	bun.BaseModel `bun:"table:chats,alias:c" json:"-"`

	ID        string    `bun:"id,pk" json:"id"`
	Title     string    `bun:"title" json:"title"` // empty once deleted
	ModuleID  *string   `bun:"module_id" json:"moduleId,omitempty"`
	CreatedBy string    `bun:"created_by" json:"createdBy"`
	CreatedAt time.Time `bun:"created_at" json:"createdAt"`
	LastAt    time.Time `bun:"last_at" json:"lastAt"` // when the newest event happened
	// LastMessageAt is when the newest message was sent, or CreatedAt of a chat without any: lists are ordered by it.
	LastMessageAt time.Time  `bun:"last_message_at" json:"lastMessageAt"`
	HeadSeq       int64      `bun:"head_seq" json:"headSeq"`               // number of the newest event; the chat's version
	FloorSeq      int64      `bun:"floor_seq" json:"floorSeq"`             // events up to this number are no longer kept
	DeletedAt     *time.Time `bun:"deleted_at" json:"deletedAt,omitempty"` // a tombstone; Repository reads do not return it

	// Epoch is the history that HeadSeq counts in, read in the same snapshot.
	Epoch int64 `bun:"epoch,scanonly" json:"epoch"`

	Members     []*Member `bun:"-" json:"members"` // by JoinedAt, then UserID
	LastMessage *Message  `bun:"-" json:"lastMessage,omitempty"`
	Newest      *Newest   `bun:"-" json:"newest,omitempty"`
}

// Newest is the end of a chat's log of messages: at most MessagePage of them and at most NewestBytes of content
// (but always the newest one), oldest first.
type Newest struct {
	Messages []*Message `json:"messages"`
	Whole    bool       `json:"whole"` // there are no older messages
}

// Cursor is the place in the chat's log that this read saw: subscribe after it and nothing is missed.
func (c *Chat) Cursor() Cursor { return Cursor{ChatID: c.ID, Epoch: c.Epoch, Seq: c.HeadSeq} }

// Creator is the user who started the chat.
func (c *Chat) Creator() *User { return &User{ID: c.CreatedBy} }

// EventCursor is Cursor as clients see it.
func (c *Chat) EventCursor() string { return c.Cursor().String() }

// IsNode marks Chat as a GraphQL Node.
func (*Chat) IsNode() {}

// Member returns the membership of user, or nil.
func (c *Chat) Member(user string) *Member {
	i := slices.IndexFunc(c.Members, func(m *Member) bool { return m.UserID == user })
	if i < 0 {
		return nil
	}
	return c.Members[i]
}

// NewChat is what a chat is made of. All texts are clean and the id is canonical: see ParseID, CleanTitle, CleanName.
type NewChat struct {
	ID       string
	Title    string
	ModuleID *string
}

// ViewerState is what a chat is to one member.
type ViewerState struct {
	ChatID      string
	UserID      string
	Role        MemberRole
	ReadSeq     int64
	UnreadCount int        // at most UnreadWindow
	MutedUntil  *time.Time // the viewer wants no notices until then
	PinnedAt    *time.Time
	ArchivedAt  *time.Time
}

// NodeID is the state's id in GraphQL.
func (v *ViewerState) NodeID() string { return stateNode + v.ChatID + ":" + v.UserID }

// IsNode marks ViewerState as a GraphQL Node.
func (*ViewerState) IsNode() {}

// ViewerStateChange says what to change of a ViewerState. What is nil stays as it is.
type ViewerStateChange struct {
	MutedUntil *time.Time // the zero time ends it
	Pinned     *bool      // a chat that is pinned already keeps its PinnedAt
	Archived   *bool      // in the same way
}
