package torture

import (
	"fmt"
	"strconv"
	"strings"
)

// Validators of how streams begin, how a query and a stream join, and what identifies an event.

// ephemeral reports whether the event has no number and does not announce a reset: StreamStarted, and events that may
// be dropped.
func (e event) ephemeral() bool { return !e.durable() && e.Kind != "StreamReset" }

// seqOf returns the number in a cursor of a chat's log.
func seqOf(cursor string) (int64, error) {
	parts := strings.Split(cursor, ".")
	if len(parts) != 4 {
		return 0, fmt.Errorf("not a cursor: %q", cursor)
	}
	return strconv.ParseInt(parts[2], 10, 64)
}

// judgeStarts finds the connections that did not begin with exactly one valid StreamStarted. It must have a cursor, and
// it must be `resumed` exactly when the connection was opened with a cursor and no StreamReset follows.
func judgeStarts(who string, got []received) verdict {
	var v verdict
	for n, e := range got {
		first := n == 0 || got[n-1].conn != e.conn
		switch begins := e.Kind == "StreamStarted"; {
		case first && !begins:
			v.object(&v.starts, "%s: stream %d begins with %s %d", who, e.conn, e.Kind, e.Seq)
		case !first && begins:
			v.object(&v.starts, "%s: stream %d begins again after %s %d", who, e.conn, got[n-1].Kind, got[n-1].Seq)
		case begins && e.Cursor == "":
			v.object(&v.starts, "%s: stream %d begins without a cursor", who, e.conn)
		case begins && e.Resumed && !e.asked:
			v.object(&v.starts, "%s: stream %d is resumed, but was opened without a cursor", who, e.conn)
		case begins && e.asked && !e.Resumed && n+1 < len(got) && got[n+1].conn == e.conn && got[n+1].Kind != "StreamReset":
			v.object(&v.starts, "%s: stream %d is not resumed from its cursor, and %s %d follows without a reset", who, e.conn, got[n+1].Kind, got[n+1].Seq)
		}
	}
	return v
}

// startsAt objects to a resumed stream of a chat that does not continue after the last event received.
func (v *verdict) startsAt(user string, e received, cursor int64) {
	if e.Kind != "StreamStarted" || !e.Resumed {
		return
	}
	if seq, err := seqOf(e.Cursor); err != nil || seq != cursor {
		v.object(&v.starts, "%s: the stream resumes from %s, but the last event was %d", user, e.Cursor, cursor)
	}
}

// judgeJoin compares a feed with the query that it continues: of each chat, every event after the number that the query
// showed, in order, up to the last one received. Events that the query showed may come again. A chat that the query did
// not show begins with the viewer's own MemberAdded.
func judgeJoin(user string, shown map[string]int64, got []received) verdict {
	var v verdict
	reached := map[string]int64{}
	for _, e := range got {
		at, known := reached[e.ChatID]
		if !known {
			at, known = shown[e.ChatID]
		}
		switch {
		case e.ephemeral():
			continue
		case e.Kind == "StreamReset":
			v.object(&v.resets, "feed of %s: reset %s", user, e.Reason)
			continue
		case !known && (e.Kind != "MemberAdded" || e.Member.User != personOf(user)):
			v.object(&v.starts, "feed of %s: a new chat, %s, begins with %s %d", user, e.ChatID, e.Kind, e.Seq)
		case known && e.Seq > at+1:
			v.object(&v.gaps, "feed of %s: event %d of %s after %d", user, e.Seq, e.ChatID, at)
			v.lost += int(e.Seq - at - 1)
			v.due += int(e.Seq - at - 1)
		}
		if e.Seq > at {
			v.due, v.got = v.due+1, v.got+1
			reached[e.ChatID] = e.Seq
		}
	}
	return v
}

// identities maps eventIds to events, and back.
type identities struct {
	events map[string]identified
	ids    map[identified]string
}

func newIdentities() identities {
	return identities{map[string]identified{}, map[identified]string{}}
}

type identified struct {
	chat string
	seq  int64
}

// judge finds events without an identity, with another event's, or with a different one than before.
func (i identities) judge(got []received) verdict {
	var v verdict
	for _, e := range got {
		if !e.durable() {
			continue
		}
		one := identified{e.ChatID, e.Seq}
		if before, ok := i.events[e.EventID]; ok && before != one {
			v.object(&v.wrong, "event %d of %s has the eventId %q, as event %d of %s has", e.Seq, e.ChatID, e.EventID, before.seq, before.chat)
		}
		if before, ok := i.ids[one]; e.EventID == "" || ok && before != e.EventID {
			v.object(&v.wrong, "event %d of %s has the eventId %q, and had %q", e.Seq, e.ChatID, e.EventID, before)
		}
		i.events[e.EventID], i.ids[one] = one, e.EventID
	}
	return v
}
