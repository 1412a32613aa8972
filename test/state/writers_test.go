package state

import (
	"context"
	"slices"
	"strings"

	"studychat/db"
)

// call is a write.
type call func(ctx context.Context, repo db.Repository) (*db.Event, error)

// write makes one write on some instance, with a fate, and tells the history.
func (r *run) write(d *dice, viewer, chatID, what string, do call) *db.Event {
	in, done := r.pickToWrite(d)
	defer done()
	op := r.hist.begin(what, chatID, viewer)
	f := r.fate(d, op)
	if r.kind == killed && (what == "leave" || strings.HasPrefix(what, "remove")) {
		f.dies, f.unknown = false, false // see below
	}
	repo := in.repo
	if f.dies {
		repo = in.silent
	}
	event, err := do(f.in(context.Background()), repo)
	defer r.readBack(d, viewer, chatID)
	switch {
	case err == nil && event.Repeated:
	case err == nil:
		r.hist.committed(event, op.call)
		if !f.dies {
			r.hist.answered(event)
		}
	case db.CodeOf(err) == db.CodeNotFound && (what == "edit" || what == "unsend"): // the message may have been deleted
	case db.CodeOf(err) == db.CodeNotFound:
		r.hist.end(op, nil)
	case db.CodeOf(err) == db.CodeConflict, db.CodeOf(err) == db.CodeForbidden:
	case f.rollback || f.unknown:
	default:
		r.hist.problem("%s: %v", what, err)
	}
	r.hist.note("%s: %s %s: %s %s", viewer, what, name(chatID), outcome(event, err), f)
	return event
}

// readBack sometimes reads what was just written: reads are stale soon after a write, and matter most to the writer.
func (r *run) readBack(d *dice, viewer, chatID string) {
	if d.chance(.4) {
		_ = r.readChat(d, viewer, chatID)
	}
}

func outcome(event *db.Event, err error) string {
	if err != nil {
		return string(db.CodeOf(err))
	}
	return event.Cursor().String()
}

// fate draws what happens to a write.
//
// Two faults together may show: Redis loses a mark before COMMIT, and the writer dies after it. Then no process deletes what a
// reader filled in between. The next write of the chat corrects the chat; the list of a removed member is not corrected, and
// expires (60 s). So in runs that kill Redis, writers that remove members do not die.
func (r *run) fate(d *dice, op read) *fate {
	f := &fate{committed: func(event *db.Event) { r.hist.committed(event, op.call) }}
	switch p := d.n(100); {
	case p < 6:
		f.dies = true
	case p < 9:
		f.slow = d.upTo(3000 * r.faults.unit)
	case p < 11:
		f.dies, f.slow = true, d.upTo(500*r.faults.unit)
	case p < 14 && r.world.memory() && r.only == "":
		f.rollback = true
	case p < 17 && r.world.memory():
		f.unknown = true
	case d.chance(r.long): // almost as long as a mark exists
		f.slow = 5000*r.faults.unit + d.upTo(4000*r.faults.unit)
	default:
		f.slow = d.upTo(4 * r.faults.unit)
	}
	return f
}

func (f *fate) String() string {
	switch {
	case f.dies:
		return "and dies"
	case f.rollback:
		return "rolled back"
	case f.unknown:
		return "unknown"
	}
	return ""
}

func (r *run) writeForAWhile(d *dice) {
	for range writes {
		_ = pause(context.Background(), d.upTo(150*r.faults.unit*r.pace))
		r.act(d, d.n(100))
	}
}

// act makes one write of some kind.
func (r *run) act(d *dice, p int) {
	chat, user := r.someChat(d), oneOf(d, visitors)
	if r.churn && r.only == "" && p < 40 {
		r.removeMember(d, chat, user)
		if d.chance(.5) { // the two calls race
			_ = pause(context.Background(), d.upTo(60*r.faults.unit))
		}
		r.addMember(d, chat, user)
		p = 0
	}
	switch {
	case p < 50 || r.only == "send":
		r.send(d, oneOf(d, users[:3]), chat)
	case p < 60:
		r.change(d, "edit", func(ctx context.Context, repo db.Repository, m *db.Message) (*db.Event, error) {
			return repo.EditMessage(ctx, m.Author, m.ID, r.uniqueTitle())
		})
	case p < 68:
		r.change(d, "unsend", func(ctx context.Context, repo db.Repository, m *db.Message) (*db.Event, error) {
			return repo.DeleteMessage(ctx, m.Author, m.ID)
		})
	case p < 75:
		title := r.uniqueTitle()
		r.write(d, owner, chat, "rename", func(ctx context.Context, repo db.Repository) (*db.Event, error) {
			return repo.RenameChat(ctx, owner, chat, title)
		})
	case p < 86:
		r.addMember(d, chat, user)
	case p < 92:
		r.removeMember(d, chat, user)
	case p < 95:
		r.write(d, user, chat, "leave", func(ctx context.Context, repo db.Repository) (*db.Event, error) {
			return repo.LeaveChat(ctx, user, chat)
		})
	case p < 97:
		r.deleteChat(d, chat)
	default:
		r.createChat(d)
	}
}

func (r *run) send(d *dice, viewer, chat string) {
	message := db.NewMessage{ID: db.NewID(), ChatID: chat, Role: db.RoleUser, Content: r.uniqueTitle()}
	event := r.write(d, viewer, chat, "send", func(ctx context.Context, repo db.Repository) (*db.Event, error) {
		return repo.SendMessage(ctx, viewer, message)
	})
	if event != nil {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.sent = append(r.sent, event.Message)
	}
}

// change edits or deletes a message that was sent.
func (r *run) change(d *dice, what string, do func(context.Context, db.Repository, *db.Message) (*db.Event, error)) {
	r.mu.Lock()
	var m *db.Message
	if len(r.sent) > 0 {
		m = oneOf(d, r.sent)
	}
	r.mu.Unlock()
	if m == nil {
		return
	}
	r.write(d, m.Author, m.ChatID, what, func(ctx context.Context, repo db.Repository) (*db.Event, error) { return do(ctx, repo, m) })
}

func (r *run) createChat(d *dice) {
	chat := db.NewChat{ID: db.NewID(), Title: r.uniqueTitle()}
	r.write(d, owner, chat.ID, "create", func(ctx context.Context, repo db.Repository) (*db.Event, error) {
		return repo.CreateChat(ctx, owner, chat)
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chats = append(r.chats, chat.ID)
}

func (r *run) removeMember(d *dice, chat, user string) {
	r.write(d, owner, chat, "remove "+user, func(ctx context.Context, repo db.Repository) (*db.Event, error) {
		return repo.RemoveMember(ctx, owner, chat, user)
	})
}

func (r *run) addMember(d *dice, chat, user string) {
	r.write(d, owner, chat, "add "+user, func(ctx context.Context, repo db.Repository) (*db.Event, error) {
		return repo.AddMember(ctx, owner, chat, user)
	})
}

// deleteChat deletes a chat. It stays among those that are read for a while; the oldest deleted ones go.
func (r *run) deleteChat(d *dice, chat string) {
	event := r.write(d, owner, chat, "delete", func(ctx context.Context, repo db.Repository) (*db.Event, error) {
		return repo.DeleteChat(ctx, owner, chat)
	})
	if event == nil || event.Repeated {
		return
	}
	r.createChat(d)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.chats) > 5 {
		r.chats = slices.DeleteFunc(slices.Clone(r.chats), func(id string) bool { return id == chat })
	}
}
