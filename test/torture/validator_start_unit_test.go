package torture

import (
	"slices"
	"testing"

	"studychat/db"
)

// begins puts a StreamStarted before the events of a connection.
func begins(conn int, asked, resumed bool, cursor string, events ...received) []received {
	got := []received{{event: event{Kind: "StreamStarted", Cursor: cursor, Resumed: resumed}}}
	got = append(got, events...)
	for n := range got {
		got[n].conn, got[n].asked = conn, asked
	}
	return got
}

func TestStartValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 6)}
	at := func(seq int64) string { return cursorAt("a", seq) }
	expired := received{event: expiry("a")}
	presence := received{event: event{Kind: "PresenceChanged"}}
	for _, tc := range []struct {
		reason string
		got    []received
		starts int // violations
	}{
		{"one StreamStarted, first", begins(1, true, true, at(2), stream(logs, "a", 3, 4)...), 0},
		{"alone", begins(1, true, true, at(2)), 0},
		{"nothing received", nil, 0},
		{"of a stream without a cursor", begins(1, false, false, at(2), stream(logs, "a", 3)...), 0},
		{"one on each of two connections", slices.Concat(begins(1, false, false, at(2), stream(logs, "a", 3)...), begins(2, true, true, at(3), stream(logs, "a", 4)...)), 0},
		{"a reset after one that is not resumed", begins(1, true, false, at(2), expired), 0},
		{"none", stream(logs, "a", 3, 4), 1},
		{"none, before an end", []received{{event: event{Kind: "complete"}}}, 1},
		{"none, before a reset", []received{expired}, 1},
		{"none, before an ephemeral event", begins(1, true, true, at(2), stream(logs, "a", 3)...)[1:], 1},
		{"none on the second connection", slices.Concat(begins(1, false, false, at(2), stream(logs, "a", 3)...), begins(2, true, true, at(3), stream(logs, "a", 4)...)[1:]), 1},
		{"after an ephemeral event", append([]received{presence}, begins(0, true, true, at(2), stream(logs, "a", 3)...)...), 2},
		{"after an event", append(stream(logs, "a", 3), begins(0, true, true, at(3), stream(logs, "a", 4)...)...), 2},
		{"a second one at once", append(begins(1, true, true, at(2)), begins(1, true, true, at(2), stream(logs, "a", 3)...)...), 1},
		{"a second one later", append(begins(1, true, true, at(2), stream(logs, "a", 3)...), begins(1, true, true, at(3))...), 1},
		{"without a cursor", begins(1, true, true, "", stream(logs, "a", 3)...), 1},
		{"resumed from nothing", begins(1, false, true, at(2), stream(logs, "a", 3)...), 1},
		{"not resumed, and no reset", begins(1, true, false, at(2), stream(logs, "a", 3)...), 1},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			v := judgeStarts("ann", tc.got)
			if v.starts != tc.starts || v.clean() != (tc.starts == 0) || len(v.problems) != tc.starts {
				t.Errorf("%d violations, want %d: %v", v.starts, tc.starts, v.problems)
			}
		})
	}
}

// TestStreamGoesOnWhereItSays checks that the cursor of StreamStarted is the subscriber's position and that the events
// continue from there.
func TestStreamGoesOnWhereItSays(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 6)}
	began := begins(1, false, false, cursorAt("a", 2), stream(logs, "a", 3, 4)...)
	for _, tc := range []struct {
		reason string
		cursor string
		rest   []int64
		clean  bool
	}{
		{"after the last event", cursorAt("a", 4), []int64{5, 6}, true},
		{"before it", cursorAt("a", 3), []int64{5, 6}, false},
		{"beyond it", cursorAt("a", 5), []int64{6}, false},
		{"beyond it, but with the right events", cursorAt("a", 5), []int64{5, 6}, false},
		{"of another form", "2.1.t4.x", []int64{5, 6}, false},
	} {
		got := slices.Concat(began, begins(2, true, true, tc.cursor, stream(logs, "a", tc.rest...)...))
		if v := judgeStream("ann", "a", 2, got, logs); v.clean() != tc.clean || (v.starts == 0) != tc.clean {
			t.Errorf("%s: %s, %d starts, %v", tc.reason, counts(v), v.starts, v.problems)
		}
	}
	if v := judgeFeed("ann", []string{"a"}, began, truth{"a": sample("a", 4)}); !v.clean() {
		t.Errorf("a StreamStarted in a feed: %v", v.problems)
	}
}

func TestJoinValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 9), "b": sample("b", 9), "new": sample("new", 4)}
	added := received{event: event{Kind: "MemberAdded", ChatID: "new", Seq: 2}}
	added.Member.User = personOf("ann")
	another := added
	another.Member.User = personOf("bob")
	shown := map[string]int64{"a": 3, "b": 5}
	for _, tc := range []struct {
		reason string
		got    []received
		lost   int
		clean  bool
	}{
		{"each chat from the number that was shown", slices.Concat(stream(logs, "a", 4), stream(logs, "b", 6, 7), stream(logs, "a", 5)), 0, true},
		{"shown events are repeated", slices.Concat(stream(logs, "a", 2, 3, 4), stream(logs, "b", 4, 5, 6)), 0, true},
		{"received events are repeated", stream(logs, "a", 4, 5, 4, 5, 6), 0, true},
		{"a chat that is silent", stream(logs, "a", 4), 0, true},
		{"begun with StreamStarted", begins(1, true, true, "x", stream(logs, "a", 4)...), 0, true},
		{"the first one missed", stream(logs, "a", 5, 6), 1, false},
		{"the first two missed", slices.Concat(stream(logs, "a", 4), stream(logs, "b", 8)), 2, false},
		{"one in the middle missed", stream(logs, "a", 4, 6), 1, false},
		{"a reset", []received{{event: event{Kind: "StreamReset", Reason: "EXPIRED"}}}, 0, false},
		{"a new chat", slices.Concat([]received{added}, stream(logs, "new", 3)), 0, true},
		{"a new chat without its beginning", stream(logs, "new", 3), 0, false},
		{"a new chat that begins with another user's MemberAdded", []received{another}, 0, false},
		{"a gap in a new chat", slices.Concat([]received{added}, stream(logs, "new", 4)), 1, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			if v := judgeJoin("ann", shown, tc.got); v.clean() != tc.clean || v.lost != tc.lost {
				t.Errorf("%s: %v", counts(v), v.problems)
			}
		})
	}
}

func TestCutValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 9), "b": sample("b", 9)}
	sent := []int64{5, 6, 8} // 7 was written by another user
	start := cursorAt("a", 4)
	for _, tc := range []struct {
		reason, cursor string
		one            bool
		got            []received
		lost           int
		clean          bool
	}{
		{"all of it", start, true, begins(1, true, true, start, stream(logs, "a", 5, 6, 7, 8)...), 0, true},
		{"nothing", start, true, nil, 3, false},
		{"the first one lost", start, true, stream(logs, "a", 6, 7, 8), 1, false},
		{"from the head, without a cursor", "", true, stream(logs, "a", 9), 3, false},
		{"another's lost", start, true, stream(logs, "a", 5, 6, 8), 0, false},
		{"one twice", start, true, stream(logs, "a", 5, 6, 6, 7, 8), 0, false},
		{"from before the cursor", start, true, stream(logs, "a", 4, 5, 6, 7, 8), 0, false},
		{"of another chat", start, true, append(stream(logs, "a", 5, 6, 7, 8), stream(logs, "b", 1)...), 0, false},
		{"begins at another cursor", start, true, begins(1, true, true, cursorAt("a", 5), stream(logs, "a", 5, 6, 7, 8)...), 0, false},
		{"a reset", start, true, append([]received{{event: expiry("a")}}, stream(logs, "a", 5, 6, 7, 8)...), 0, false},
		{"a feed has others and repeats", "x", false, append(stream(logs, "b", 3, 4), stream(logs, "a", 3, 4, 5, 5, 6, 7, 8)...), 0, true},
		{"a feed that lost one", "x", false, stream(logs, "a", 5, 6, 7), 1, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			if v := judgeCut("ann", "a", tc.cursor, tc.one, sent, tc.got); v.clean() != tc.clean || v.lost != tc.lost {
				t.Errorf("%s: %v", counts(v), v.problems)
			}
		})
	}
}

func TestFeedAfterValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 5), "b": sample("b", 4)}
	shown := map[string]int64{"a": 3, "b": 3}
	for _, tc := range []struct {
		reason string
		got    []received
		lost   int
	}{
		{"all of it", slices.Concat(stream(logs, "a", 4), stream(logs, "b", 4), stream(logs, "a", 5)), 0},
		{"nothing", nil, 3},
		{"nothing of one chat", stream(logs, "a", 4, 5), 1},
		{"the last one lost", slices.Concat(stream(logs, "a", 4), stream(logs, "b", 4)), 1},
		{"the first one lost", slices.Concat(stream(logs, "a", 5), stream(logs, "b", 4)), 1},
	} {
		if v := judgeFeedAfter("ann", shown, tc.got, logs); v.lost != tc.lost || v.clean() != (tc.lost == 0) || v.due != 3 {
			t.Errorf("%s: %s, %v", tc.reason, counts(v), v.problems)
		}
	}
}

func TestIdentityValidator(t *testing.T) {
	t.Parallel()
	one := func(id, chat string, seq int64) received {
		return received{event: event{Kind: "MessageSent", EventID: id, ChatID: chat, Seq: seq}}
	}
	for _, tc := range []struct {
		reason string
		got    []received
		wrong  int
	}{
		{"each its own, and the same again", []received{one("1", "a", 1), one("2", "a", 2), one("3", "b", 1), one("1", "a", 1)}, 0},
		{"events without a number have none", []received{{event: event{Kind: "StreamStarted"}}}, 0},
		{"none", []received{one("", "a", 1)}, 1},
		{"another event's", []received{one("1", "a", 1), one("1", "a", 2)}, 1},
		{"another chat's", []received{one("1", "a", 1), one("1", "b", 1)}, 1},
		{"another one on replay", []received{one("1", "a", 1), one("2", "a", 1)}, 1},
	} {
		if v := newIdentities().judge(tc.got); v.wrong != tc.wrong {
			t.Errorf("%s: %v", tc.reason, v.problems)
		}
	}
}

func TestOneIDValidator(t *testing.T) {
	t.Parallel()
	taken := failure{}
	taken.Extensions.Code = "CONFLICT"
	down := failure{}
	down.Extensions.Code = "UNAVAILABLE"
	for _, tc := range []struct {
		reason  string
		answers []error
		clean   bool
	}{
		{"one succeeded", []error{taken, nil, taken}, true},
		{"both stand", []error{nil, nil}, false},
		{"none succeeded", []error{taken, taken}, false},
		{"one succeeded, and the other got another code", []error{nil, down}, false},
	} {
		if problem := judgeOneID(tc.answers); (problem == "") != tc.clean {
			t.Errorf("%s: %q", tc.reason, problem)
		}
	}
}

func TestSeqOfCursor(t *testing.T) {
	t.Parallel()
	if seq, err := seqOf(db.Cursor{ChatID: "a", Epoch: 3, Seq: 12}.String()); seq != 12 || err != nil {
		t.Error(seq, err)
	}
	for _, bad := range []string{"", "1.1.4", feedCursorOf("ann", 1), "garbage"} {
		if _, err := seqOf(bad); err == nil {
			t.Errorf("%q has a number", bad)
		}
	}
}
