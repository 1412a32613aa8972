package torture

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// These tests give the validators streams that are wrong in exactly one way. A validator must object to that and to
// nothing else.

// sample returns a chat of events 1 to n; all but the first are messages.
func sample(chat string, n int64) map[int64]logged {
	log := map[int64]logged{1: {kind: "ChatCreated"}}
	for seq := int64(2); seq <= n; seq++ {
		log[seq] = logged{"MessageSent", fmt.Sprint(chat, seq)}
	}
	return log
}

// stream returns these numbers as a subscriber receives them.
func stream(t truth, chat string, seqs ...int64) []received {
	var got []received
	for _, seq := range seqs {
		e := event{Kind: t[chat][seq].kind, ChatID: chat, Seq: seq}
		e.Message.ID = t[chat][seq].message
		got = append(got, received{event: e})
	}
	return got
}

// expiry returns the reset of a stream whose events are gone.
func expiry(chat string) event { return event{Kind: "StreamReset", ResetOf: chat, Reason: "EXPIRED"} }

func counts(v verdict) string {
	return fmt.Sprintf("due %d got %d lost %d doubled %d gaps %d resets %d foreign %d wrong %d", v.due, v.got, v.lost, v.duplicates, v.gaps, v.resets, v.foreign, v.wrong)
}

func TestStreamValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 6), "b": sample("b", 9), "removed": sample("removed", 6), "deleted": {4: {kind: "ChatDeleted"}}}
	logs["removed"][4] = logged{kind: "MemberRemoved"}
	removal := stream(logs, "removed", 3, 4)
	removal[1].User = personOf("ann")
	others := slices.Clone(removal)
	others[1].User = personOf("bob")
	altered := stream(logs, "a", 3, 4, 5, 6)
	altered[2].Message.ID = "another"
	for _, tc := range []struct {
		reason string
		chat   string
		got    []received
		want   string
	}{
		{"all of it", "a", stream(logs, "a", 3, 4, 5, 6), "due 4 got 4 lost 0 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"nothing at all", "a", nil, "due 4 got 0 lost 4 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"the last one lost", "a", stream(logs, "a", 3, 4, 5), "due 4 got 3 lost 1 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"one in the middle lost", "a", stream(logs, "a", 3, 5, 6), "due 4 got 3 lost 1 doubled 0 gaps 1 resets 0 foreign 0 wrong 0"},
		{"the first one lost", "a", stream(logs, "a", 4, 5, 6), "due 4 got 3 lost 1 doubled 0 gaps 1 resets 0 foreign 0 wrong 0"},
		{"one doubled", "a", stream(logs, "a", 3, 4, 4, 5, 6), "due 4 got 4 lost 0 doubled 1 gaps 0 resets 0 foreign 0 wrong 0"},
		{"all doubled after a resume", "a", stream(logs, "a", 3, 4, 3, 4, 5, 6), "due 4 got 4 lost 0 doubled 2 gaps 0 resets 0 foreign 0 wrong 0"},
		{"two swapped", "a", stream(logs, "a", 3, 5, 4, 6), "due 4 got 4 lost 0 doubled 0 gaps 2 resets 0 foreign 0 wrong 0"},
		{"from before the cursor", "a", stream(logs, "a", 2, 3, 4, 5, 6), "due 4 got 4 lost 0 doubled 0 gaps 1 resets 0 foreign 0 wrong 0"},
		{"of another chat", "a", append(stream(logs, "a", 3, 4, 5, 6), stream(logs, "b", 7)...), "due 4 got 4 lost 0 doubled 0 gaps 0 resets 0 foreign 1 wrong 0"},
		{"another message under the number", "a", altered, "due 4 got 4 lost 0 doubled 0 gaps 0 resets 0 foreign 0 wrong 1"},
		{"a reset", "a", append([]received{{event: event{Kind: "StreamReset", Reason: "EXPIRED"}}}, stream(logs, "a", 3, 4, 5, 6)...), "due 4 got 4 lost 0 doubled 0 gaps 0 resets 1 foreign 0 wrong 0"},
		{"up to the user's own removal", "removed", removal, "due 2 got 2 lost 0 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"continues after the user's own removal", "removed", append(removal, stream(logs, "removed", 5)...), "due 2 got 2 lost 0 doubled 0 gaps 0 resets 0 foreign 1 wrong 0"},
		{"ends after another user's removal", "removed", others, "due 4 got 2 lost 2 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"up to the deletion, of a log that is gone", "deleted", []received{{event: event{Kind: "MessageSent", ChatID: "deleted", Seq: 3}}, {event: event{Kind: "ChatDeleted", ChatID: "deleted", Seq: 4}}}, "due 2 got 2 lost 0 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"behind when the chat was deleted, and reset", "deleted", []received{{event: expiry("deleted")}, {event: event{Kind: "ChatDeleted", ChatID: "deleted", Seq: 4}}}, "due 1 got 1 lost 0 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"reset without a deletion", "deleted", []received{{event: expiry("deleted")}}, "due 1 got 0 lost 1 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
		{"behind, and not reset", "deleted", []received{{event: event{Kind: "ChatDeleted", ChatID: "deleted", Seq: 4}}}, "due 2 got 1 lost 1 doubled 0 gaps 1 resets 0 foreign 0 wrong 0"},
		{"a reset of an existing chat", "a", append([]received{{event: expiry("a")}}, stream(logs, "a", 6)...), "due 4 got 1 lost 3 doubled 0 gaps 1 resets 1 foreign 0 wrong 0"},
		{"without the deletion", "deleted", []received{{event: event{Kind: "MessageSent", ChatID: "deleted", Seq: 3}}}, "due 2 got 1 lost 1 doubled 0 gaps 0 resets 0 foreign 0 wrong 0"},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			v := judgeStream("ann", tc.chat, 2, tc.got, logs)
			if got := counts(v); got != tc.want {
				t.Errorf("got  %s\nwant %s\n%v", got, tc.want, v.problems)
			}
			if v.clean() != (len(v.problems) == 0) {
				t.Errorf("clean: %t, with %v", v.clean(), v.problems)
			}
		})
	}
}

func TestFeedValidator(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 5), "b": sample("b", 4), "c": sample("c", 3), "deleted": {4: {kind: "ChatDeleted"}}}
	removed := stream(logs, "a", 4)
	removed[0].Kind, removed[0].User = "MemberRemoved", personOf("ann")
	logs["removed"] = sample("removed", 5)
	logs["removed"][4] = logged{kind: "MemberRemoved"}
	removed[0].ChatID, removed[0].Message.ID = "removed", ""
	for _, tc := range []struct {
		reason string
		chats  []string
		got    []received
		clean  bool
	}{
		{"each chat from its first event on", []string{"a", "b"}, slices.Concat(stream(logs, "a", 3), stream(logs, "b", 3, 4), stream(logs, "a", 4, 5)), true},
		{"repeats are allowed", []string{"a"}, stream(logs, "a", 3, 4, 3, 4, 5), true},
		{"lost at the end", []string{"a"}, stream(logs, "a", 3, 4), false},
		{"lost in the middle", []string{"a"}, stream(logs, "a", 3, 5), false},
		{"out of order", []string{"a"}, stream(logs, "a", 3, 5, 4), false},
		{"behind when the chat was deleted, and reset", []string{"deleted"}, []received{{event: event{Kind: "MessageSent", ChatID: "deleted", Seq: 2}}, {event: expiry("deleted")}, {event: event{Kind: "ChatDeleted", ChatID: "deleted", Seq: 4}}}, true},
		{"behind, and not reset", []string{"deleted"}, []received{{event: event{Kind: "MessageSent", ChatID: "deleted", Seq: 2}}, {event: event{Kind: "ChatDeleted", ChatID: "deleted", Seq: 4}}}, false},
		{"nothing of a chat", []string{"a", "b"}, stream(logs, "a", 3, 4, 5), false},
		{"of a chat of non-members", []string{"a"}, slices.Concat(stream(logs, "a", 3, 4, 5), stream(logs, "c", 2)), false},
		{"up to the user's own removal", []string{"removed"}, slices.Concat(stream(logs, "removed", 2, 3), removed), true},
		{"continues after it", []string{"removed"}, slices.Concat(stream(logs, "removed", 2, 3), removed, stream(logs, "removed", 5)), false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			if v := judgeFeed("ann", tc.chats, tc.got, logs); v.clean() != tc.clean {
				t.Errorf("%s: %v", counts(v), v.problems)
			}
		})
	}
}

func TestAnswersAndLogs(t *testing.T) {
	t.Parallel()
	logs := truth{"a": sample("a", 4)}
	good := []answered{{"a", "a2", 2}, {"a", "a4", 4}}
	if missing := judgeAnswers(good, logs); len(missing) > 0 {
		t.Error(missing)
	}
	if missing := judgeAnswers(append(good, answered{"a", "a9", 9}, answered{"a", "a3", 2}), logs); len(missing) != 2 {
		t.Errorf("an answer without a row and one under another number: %v", missing)
	}
	if problems := judgeLog(logs); len(problems) > 0 {
		t.Error(problems)
	}
	gap := truth{"a": sample("a", 4)}
	delete(gap["a"], 3)
	if problems := judgeLog(gap); len(problems) == 0 {
		t.Error("a log with a hole passes")
	}
	twice := truth{"a": sample("a", 4)}
	twice["a"][5] = logged{"MessageSent", "a2"}
	if problems := judgeLog(twice); len(problems) != 1 {
		t.Errorf("a message that is there twice: %v", problems)
	}
}

func TestReadValidator(t *testing.T) {
	t.Parallel()
	const chat = "a"
	write := func(value int64, call, ret time.Duration) op { return op{0, chat, writes, value, call, ret} }
	read := func(value int64, call, ret time.Duration) op { return op{1, chat, reads, value, call, ret} }
	for _, tc := range []struct {
		reason       string
		ops          []op
		stale, pairs int
		linear       bool
	}{
		{"the newest", []op{write(1, 0, 1), write(2, 2, 3), read(2, 4, 5)}, 0, 0, true},
		{"older after an answer", []op{write(1, 0, 1), write(2, 2, 3), read(1, 4, 5)}, 1, 0, false},
		{"either while the write is under way", []op{write(1, 0, 1), read(1, 3, 4), write(2, 2, 9), read(2, 5, 6)}, 0, 0, true},
		{"new and then old while the write is under way", []op{write(1, 0, 1), write(2, 2, 9), read(2, 3, 4), read(1, 5, 6)}, 0, 1, false},
		{"a writer that died may count", []op{write(1, 0, 1), write(2, 2, never), read(1, 3, 4), read(2, 5, 6)}, 0, 0, true},
		{"or not", []op{write(1, 0, 1), write(2, 2, never), read(1, 5, 6)}, 0, 0, true},
		{"the next writer reveals the outcome", []op{write(1, 0, 1), write(2, 2, never), write(3, 4, 5), read(1, 6, 7)}, 1, 0, false},
		{"a deleted chat", []op{write(1, 0, 1), {0, chat, deletes, gone, 2, 3}, read(1, 4, 5)}, 1, 0, false},
		{"a deleted chat is gone", []op{write(1, 0, 1), {0, chat, deletes, gone, 2, 3}, read(gone, 4, 5)}, 0, 0, true},
		{"gone before it was deleted", []op{write(1, 0, 1), read(gone, 2, 3), {0, chat, deletes, gone, 4, 5}}, 0, 0, false},
		{"a value that is not written yet", []op{write(1, 0, 1), read(2, 2, 3), write(2, 4, 5)}, 0, 0, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			t.Parallel()
			if got := len(judgeReads(tc.ops)); got != tc.stale {
				t.Errorf("%d stale reads, want %d", got, tc.stale)
			}
			if got := newThenOld(tc.ops); got != tc.pairs {
				t.Errorf("%d new-then-old pairs, want %d", got, tc.pairs)
			}
			if got := linearizable(tc.ops, time.Second); (got == porcupine.Ok) != tc.linear {
				t.Errorf("porcupine says %s", got)
			}
		})
	}
}

func TestTheLagOfAStaleRead(t *testing.T) {
	t.Parallel()
	stale := judgeReads([]op{
		{0, "a", writes, 1, 0, 1}, {0, "a", writes, 2, 2, 10}, {0, "a", writes, 3, 11, 20},
		{1, "a", reads, 1, 50, 51}, {1, "b", reads, 1, 50, 51},
	})
	if len(stale) != 1 || stale[0].lag != 40 {
		t.Errorf("%+v, want one that is 40 late: the write of 2 was answered at 10", stale)
	}
}

func TestIDsThatWerePassedOverAreLost(t *testing.T) {
	t.Parallel()
	if v := judgeIDs([]int64{1, 2, 5, 9}, []int64{1, 2, 4, 5, 9}); v.lost != 1 || v.due != 5 {
		t.Errorf("%s", counts(v))
	}
}

// The order of steps that breaks every cache-aside: a reader fills the cache with a value that it read before a write.
func TestControlCacheAsideInMemoryIsRejected(t *testing.T) {
	t.Parallel()
	h := newHistory()
	database, key := int64(1), map[string]int64{}
	h.add(op{chat: "a", kind: writes, value: database, call: 1, ret: 2})
	snapshot := database // a reader misses and reads the database
	database = 2         // a writer commits
	delete(key, "a")     // and deletes the key
	h.add(op{chat: "a", kind: writes, value: database, call: 4, ret: 5})
	key["a"] = snapshot // the reader fills
	h.add(op{client: 1, chat: "a", kind: reads, value: snapshot, call: 3, ret: 6})
	h.add(op{client: 2, chat: "a", kind: reads, value: key["a"], call: 7, ret: 8}) // another reader hits
	if got := linearizable(h.ops, time.Second); got != porcupine.Illegal {
		t.Errorf("porcupine says %s", got)
	}
	if stale := judgeReads(h.ops); len(stale) != 1 || stale[0].client != 2 {
		t.Errorf("stale: %+v", stale)
	}
}
