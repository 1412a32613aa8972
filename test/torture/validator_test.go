package torture

import "fmt"

// logged is an event in the database.
type logged struct {
	kind    string
	message string // id, of MessageSent
}

// truth is the content of the database: each chat's log, by number.
type truth map[string]map[int64]logged

func (t truth) head(chat string) int64 {
	var head int64
	for seq := range t[chat] {
		head = max(head, seq)
	}
	return head
}

// deleted reports whether the chat is a tombstone, whose log is gone except for its last event.
func (t truth) deleted(chat string) bool { return t[chat][t.head(chat)].kind == "ChatDeleted" }

// verdict is what a validator found.
type verdict struct {
	due, got   int
	lost       int
	duplicates int
	gaps       int // out of order, or too early
	resets     int
	expired    int // not due: their chat was deleted before delivery, and the stream announced it
	foreign    int // of a chat that the subscriber may not see, or after the end of the stream
	wrong      int // different from the database under this number
	starts     int // streams that did not begin with one StreamStarted, or not at its cursor
	problems   []string
}

func (v *verdict) object(count *int, format string, args ...any) {
	*count++
	if len(v.problems) < 20 {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

// clean reports whether the validator has no objection.
func (v *verdict) clean() bool {
	return v.lost+v.duplicates+v.gaps+v.resets+v.foreign+v.wrong+v.starts == 0
}

func (v *verdict) add(other verdict) {
	v.due += other.due
	v.got += other.got
	v.lost += other.lost
	v.duplicates += other.duplicates
	v.gaps += other.gaps
	v.resets += other.resets
	v.expired += other.expired
	v.foreign += other.foreign
	v.wrong += other.wrong
	v.starts += other.starts
	v.problems = append(v.problems, other.problems...)
}

// judgeStream compares what one subscriber of one chat received with promise 2: every committed event after the cursor,
// once, in order, without a gap, up to the head; no event of another chat, and none after the stream's end. The text of
// a deleted chat is gone at once: a subscriber that is behind then gets a reset (EXPIRED) and the deletion alone.
func judgeStream(user, chat string, after int64, got []received, t truth) verdict {
	var v verdict
	cursor, seen, over := after, map[int64]bool{}, false
	head := t.head(chat)
	for _, e := range got {
		switch {
		case e.ephemeral():
			v.startsAt(user, e, cursor)
			continue
		case t.excuses(e):
			v.expired += int(head - 1 - cursor)
			for seq := cursor + 1; seq < head; seq++ {
				seen[seq] = true
			}
			cursor = head - 1
			continue
		case e.Kind == "StreamReset":
			v.object(&v.resets, "%s in %s: reset %s", user, chat, e.Reason)
			continue
		case e.ChatID != chat:
			v.object(&v.foreign, "%s in %s: event %d of %s", user, chat, e.Seq, e.ChatID)
			continue
		case over:
			v.object(&v.foreign, "%s in %s: event %d after the last one", user, chat, e.Seq)
		case seen[e.Seq]:
			v.object(&v.duplicates, "%s in %s: event %d again", user, chat, e.Seq)
		case e.Seq != cursor+1:
			v.object(&v.gaps, "%s in %s: event %d after %d", user, chat, e.Seq, cursor)
		}
		v.compare(e.event, t)
		seen[e.Seq], over = true, over || e.ends(user)
		cursor = max(cursor, e.Seq)
		if over {
			head = min(head, e.Seq)
		}
	}
	v.complete(user, chat, after, head, seen)
	v.due, v.got = v.due-v.expired, v.got-v.expired
	return v
}

// excuses reports whether the event is the reset that a deleted chat allows.
func (t truth) excuses(e received) bool {
	return e.Kind == "StreamReset" && e.Reason == "EXPIRED" && t.deleted(e.ResetOf)
}

// compare compares an event with the database.
func (v *verdict) compare(e event, t truth) {
	if t.deleted(e.ChatID) && e.Kind != "ChatDeleted" {
		return
	}
	if want := t[e.ChatID][e.Seq]; want.kind != e.Kind || want.message != e.Message.ID {
		v.object(&v.wrong, "%s: event %d is %s %s, and in the database %s %s", e.ChatID, e.Seq, e.Kind, e.Message.ID, want.kind, want.message)
	}
}

func (v *verdict) complete(user, chat string, after, head int64, seen map[int64]bool) {
	for seq := after + 1; seq <= head; seq++ {
		v.due++
		if seen[seq] {
			v.got++
		} else {
			v.object(&v.lost, "%s in %s: event %d was not delivered", user, chat, seq)
		}
	}
}

// judgeFeed compares a user's feed with its promise: every committed event of the user's chats at least once, first
// arrivals in order within each chat; no event of other chats, and none of a chat after the user's removal. It judges
// each chat from its first received event.
func judgeFeed(user string, chats []string, got []received, t truth) verdict {
	var v verdict
	seen := map[string]map[int64]bool{}
	first, ended := map[string]int64{}, map[string]int64{}
	for _, chat := range chats {
		seen[chat] = map[int64]bool{}
	}
	for _, e := range got {
		mine := seen[e.ChatID]
		switch end := ended[e.ChatID]; {
		case e.ephemeral():
			continue
		case t.excuses(e) && len(seen[e.ResetOf]) > 0:
			for seq := first[e.ResetOf]; seq < t.head(e.ResetOf); seq++ {
				if !seen[e.ResetOf][seq] {
					seen[e.ResetOf][seq] = true
					v.expired++
				}
			}
			continue
		case e.Kind == "StreamReset":
			v.object(&v.resets, "feed of %s: reset %s", user, e.Reason)
			continue
		case mine == nil:
			v.object(&v.foreign, "feed of %s: event %d of %s", user, e.Seq, e.ChatID)
			continue
		case end > 0 && e.Seq > end:
			v.object(&v.foreign, "feed of %s: event %d of %s after the last one, %d", user, e.Seq, e.ChatID, end)
		case len(mine) == 0:
			first[e.ChatID] = e.Seq
		case e.Seq > first[e.ChatID] && !mine[e.Seq] && !mine[e.Seq-1]:
			v.object(&v.gaps, "feed of %s: event %d of %s without the one before", user, e.Seq, e.ChatID)
		}
		v.compare(e.event, t)
		mine[e.Seq] = true
		if e.ends(user) {
			ended[e.ChatID] = e.Seq
		}
	}
	for _, chat := range chats {
		head := t.head(chat)
		if end := ended[chat]; end > 0 {
			head = end
		}
		if len(seen[chat]) == 0 {
			v.object(&v.lost, "feed of %s: nothing of %s", user, chat)
			continue
		}
		v.complete(user, chat, first[chat]-1, head, seen[chat])
	}
	v.due, v.got = v.due-v.expired, v.got-v.expired
	return v
}

// answered is an acknowledged write.
type answered struct {
	chat, id string
	seq      int64
}

// judgeAnswers returns the acknowledged writes that are missing in the database.
func judgeAnswers(answers []answered, t truth) (missing []string) {
	for _, a := range answers {
		if !t.deleted(a.chat) && t[a.chat][a.seq] != (logged{"MessageSent", a.id}) {
			missing = append(missing, fmt.Sprintf("message %s, answered as event %d of %s", a.id, a.seq, a.chat))
		}
	}
	return missing
}

// judgeLog finds gaps in the numbers of a log, and duplicate messages.
func judgeLog(t truth) (problems []string) {
	messages := map[string]bool{}
	for chat, log := range t {
		if t.deleted(chat) {
			continue
		}
		for seq := int64(1); seq <= int64(len(log)); seq++ {
			if _, ok := log[seq]; !ok {
				problems = append(problems, fmt.Sprintf("%s has %d events and no event %d", chat, len(log), seq))
			}
		}
		for seq, e := range log {
			if e.kind == "MessageSent" && messages[e.message] {
				problems = append(problems, fmt.Sprintf("message %s is there twice, once as event %d of %s", e.message, seq, chat))
			}
			messages[e.message] = true
		}
	}
	return problems
}
