package db

import (
	"slices"
	"time"

	"github.com/uptrace/bun"
)

// Sizes of pages and of a chat.
const (
	MaxPage      = 100 // rows of a page
	ChatPage     = 20  // chats in a page by default; the first page of this size is cached
	MessagePage  = 50  // messages in a page by default; also the most that come with a Chat
	MaxMembers   = 500
	MaxCount     = 1000     // at which counts of lists stop
	UnreadWindow = 100      // newest messages in which unread ones are counted
	NewestBytes  = 64 << 10 // bytes of content that come with a Chat; older messages are left out of Newest
)

// TombstoneAge is how long tombstones of deleted chats and events that removed a member are kept. A feed can resume from cursors almost
// as old.
const TombstoneAge = 30 * 24 * time.Hour

// Chat is a chat, for SQL and for GraphQL alike. A Repository returns it with Members and LastMessage; only Repository.Chat sets
// Newest.
type Chat struct {
	bun.BaseModel `bun:"table:chats,alias:c" json:"-"`

	ID        string    `bun:"id,pk" json:"id"`
	Title     string    `bun:"title" json:"title"` // empty once deleted
	ModuleID  *string   `bun:"module_id" json:"moduleId,omitempty"`
	CreatedBy string    `bun:"created_by" json:"createdBy"`
	CreatedAt time.Time `bun:"created_at" json:"createdAt"`
	LastAt    time.Time `bun:"last_at" json:"lastAt"` // when the newest event happened
	// LastMessageAt is when the newest message was sent, or CreatedAt without messages. Lists are ordered by it.
	LastMessageAt time.Time  `bun:"last_message_at" json:"lastMessageAt"`
	HeadSeq       int64      `bun:"head_seq" json:"headSeq"`               // number of the newest event; the chat's version
	FloorSeq      int64      `bun:"floor_seq" json:"floorSeq"`             // events up to this number are no longer kept
	DeletedAt     *time.Time `bun:"deleted_at" json:"deletedAt,omitempty"` // a tombstone; Repository reads do not return it

	// Epoch is the history in which HeadSeq counts, read in the same snapshot.
	Epoch int64 `bun:"epoch,scanonly" json:"epoch"`

	Members     []*Member `bun:"-" json:"members"` // by JoinedAt, then UserID
	LastMessage *Message  `bun:"-" json:"lastMessage,omitempty"`
	Newest      *Newest   `bun:"-" json:"newest,omitempty"`

	rendered *Rendered
}

// KeepRendered lets what is rendered from the chat be kept with it. From now on the chat must not change. grow is as for Rendered.
func (c *Chat) KeepRendered(grow func(bytes int) bool) { c.rendered = newRendered(c, grow) }

// Rendered is what was rendered from the chat; nil when nothing is to be kept.
func (c *Chat) Rendered() *Rendered {
	if c.rendered == nil || c.rendered.of != any(c) {
		return nil
	}
	return c.rendered
}

// Newest are the last messages of a chat, oldest first: at most MessagePage, with at most NewestBytes of content (but always the newest
// one).
type Newest struct {
	Messages []*Message `json:"messages"`
	Whole    bool       `json:"whole"` // there are no older messages
}

// Cursor is the place in the chat's log at the moment of this read: a stream after it misses nothing.
func (c *Chat) Cursor() Cursor { return Cursor{ChatID: c.ID, Epoch: c.Epoch, Seq: c.HeadSeq} }

// Creator is the user who started the chat.
func (c *Chat) Creator() *User { return &User{ID: c.CreatedBy} }

// EventCursor is Cursor in the form for clients.
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

// MemberRole is what a member may do.
type MemberRole string

// The roles of members.
const (
	RoleOwner  MemberRole = "OWNER"
	RoleMember MemberRole = "MEMBER"
)

// Member is one user's membership in a chat.
type Member struct {
	bun.BaseModel `bun:"table:chat_members,alias:cm" json:"-"`

	ChatID   string     `bun:"chat_id,pk" json:"-"`
	UserID   string     `bun:"user_id,pk" json:"userId"`
	Role     MemberRole `bun:"role" json:"role"`
	JoinedAt time.Time  `bun:"joined_at" json:"joinedAt"`
	// JoinedSeq is the number of the event that made the user a member; 0 for members from before it was kept. Only the feed uses it.
	JoinedSeq int64 `bun:"joined_seq" json:"-"`
	// ReadSeq is private to its user and changes without a number of the chat, so it is never cached with the chat.
	ReadSeq int64 `bun:"read_seq" json:"-"`
}

// NodeID is the membership's id in GraphQL.
func (m *Member) NodeID() string { return memberNode + m.ChatID + ":" + m.UserID }

// User is the member, for GraphQL.
func (m *Member) User() *User { return &User{ID: m.UserID} }

// IsNode marks Member as a GraphQL Node.
func (*Member) IsNode() {}

// NewChat is the input of CreateChat. All texts are clean and the id is canonical: see ParseID, CleanTitle, CleanName.
type NewChat struct {
	ID       string
	Title    string
	ModuleID *string
}

// ViewerState is the state of a chat for one member.
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

// ViewerStateChange says what to change of a ViewerState. A nil field changes nothing.
type ViewerStateChange struct {
	MutedUntil *time.Time // the zero time ends it
	Pinned     *bool      // a chat that is pinned already keeps its PinnedAt
	Archived   *bool      // likewise
}
