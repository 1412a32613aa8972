package cache

import (
	"errors"
	"time"
	"unsafe"

	"studychat/db"
)

// parser reads what codec.go wrote, and nothing else: each content has one spelling. After a fault it returns zero values, and
// end returns an error.
type parser struct {
	rest  string
	bytes int // of the structs that were made
	bad   bool
}

var errDamaged = errors.New("cache: a damaged value")

func (p *parser) end() error {
	if p.bad || p.rest != "" {
		return errDamaged
	}
	return nil
}

// The fewest bytes that one element of a list takes: a damaged length must not allocate more than a multiple of the value.
const (
	leastMember  = 1 + 1 + 2
	leastMessage = 1 + 1 + 3 + 1 + 2 + 2
	leastChat    = 1 + 1 + 1 + 1 + 6 + 2 + 1 + 1 + 1 + 2
)

func (p *parser) list() *db.ChatList {
	chats := many(p, leastChat, (*parser).chatInto)
	return &db.ChatList{
		Chats: chats, HasNext: p.bool(), HasPrev: p.bool(),
		Cursor: db.FeedCursor{
			User: p.string(), Epoch: p.varint(), At: p.time(),
			Replay: db.FeedReplay{Until: p.time(), ChatID: p.string(), Seq: p.varint()},
		},
	}
}

func (p *parser) chat() *db.Chat {
	p.bytes += int(unsafe.Sizeof(db.Chat{}))
	chat := new(db.Chat)
	p.chatInto(chat)
	return chat
}

func (p *parser) chatInto(chat *db.Chat) {
	chat.ID, chat.Title = p.string(), p.string()
	chat.ModuleID = optional(p, (*parser).stringInto)
	chat.CreatedBy = p.string()
	chat.CreatedAt, chat.LastAt, chat.LastMessageAt = p.time(), p.time(), p.time()
	chat.HeadSeq, chat.FloorSeq = p.varint(), p.varint()
	chat.DeletedAt = optional(p, (*parser).timeInto)
	chat.Epoch = p.varint()
	chat.Members = many(p, leastMember, func(p *parser, m *db.Member) {
		m.ChatID, m.UserID, m.Role, m.JoinedAt = chat.ID, p.string(), db.MemberRole(p.string()), p.time()
	})
	message := func(p *parser, m *db.Message) {
		m.ChatID = chat.ID
		p.messageInto(m)
	}
	chat.LastMessage = optional(p, message)
	chat.Newest = optional(p, func(p *parser, newest *db.Newest) {
		newest.Messages, newest.Whole = many(p, leastMessage, message), p.bool()
	})
}

func (p *parser) messageInto(m *db.Message) {
	m.ID, m.Seq = p.string(), p.varint()
	m.Author, m.Role, m.Content = p.string(), db.MessageRole(p.string()), p.string()
	m.ReplyTo = optional(p, (*parser).stringInto)
	m.CreatedAt = p.time()
	m.EditedAt, m.DeletedAt = optional(p, (*parser).timeInto), optional(p, (*parser).timeInto)
}

// many reads a list whose elements lie side by side in memory. It is never nil.
func many[T any](p *parser, least uint64, read func(*parser, *T)) []*T {
	n := p.uvarint()
	if n > uint64(len(p.rest))/least {
		p.bad, n = true, 0
	}
	var zero T
	p.bytes += int(n) * int(unsafe.Sizeof(zero)+unsafe.Sizeof(&zero))
	elements, pointers := make([]T, n), make([]*T, n)
	for i := range elements {
		if p.bad {
			break
		}
		read(p, &elements[i])
		pointers[i] = &elements[i]
	}
	return pointers
}

func optional[T any](p *parser, read func(*parser, *T)) *T {
	if !p.bool() {
		return nil
	}
	v := new(T)
	p.bytes += int(unsafe.Sizeof(*v))
	read(p, v)
	return v
}

func (p *parser) bool() bool {
	b := p.byte()
	p.bad = p.bad || b > 1
	return b == 1
}

func (p *parser) byte() byte {
	if p.rest == "" {
		p.bad = true
		return 0
	}
	b := p.rest[0]
	p.rest = p.rest[1:]
	return b
}

// uvarint accepts the shortest form alone.
func (p *parser) uvarint() (n uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := p.byte()
		if p.bad || shift == 63 && b > 1 || shift > 0 && b == 0 {
			break
		}
		n |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return n
		}
	}
	p.bad = true
	return 0
}

func (p *parser) varint() int64 {
	n := p.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}

func (p *parser) string() string {
	n := p.uvarint()
	if n > uint64(len(p.rest)) {
		p.bad = true
		return ""
	}
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

func (p *parser) stringInto(s *string) { *s = p.string() }

func (p *parser) time() time.Time {
	seconds, nanos := p.varint(), p.uvarint()
	if p.bad || nanos >= uint64(time.Second) {
		p.bad = true
		return time.Time{}
	}
	return time.Unix(seconds, int64(nanos)).UTC()
}

func (p *parser) timeInto(t *time.Time) { *t = p.time() }
