package dbtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

// atOnce runs n calls that all start together, and waits for them.
func atOnce(n int, call func(i int)) {
	start := make(chan struct{})
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() {
			<-start
			call(i)
		})
	}
	close(start)
	calls.Wait()
}

// seed is printed, so that a failure can be run again with DBTEST_SEED.
func seed(f *fixture) uint64 {
	n, err := strconv.ParseUint(os.Getenv("DBTEST_SEED"), 10, 64)
	if err != nil {
		n = uint64(time.Now().UnixNano())
	}
	f.Logf("DBTEST_SEED=%d", n)
	return n
}

func testRetriesAtOnce(f *fixture) {
	id := f.chat()
	message := newMessage(id, "text")
	oneCommit(f, 50, func() (*db.Event, error) { return f.repo.SendMessage(f.ctx, f.mia, message) })
	if chat := f.read(f.mia, id); len(chat.Newest.Messages) != 1 || chat.HeadSeq != 3 {
		f.Errorf("%d messages, head %d; want one message and one event", len(chat.Newest.Messages), chat.HeadSeq)
	}
	checkOrder(f, f.log(id))
}

func testCreatesAtOnce(f *fixture) {
	chat := db.NewChat{ID: db.NewID(), Title: "Title"}
	oneCommit(f, 20, func() (*db.Event, error) { return f.repo.CreateChat(f.ctx, f.owner, chat) })
}

// oneCommit makes n equal calls at once: all get the same answer, and one of them commits.
func oneCommit(f *fixture, n int, call func() (*db.Event, error)) {
	f.Helper()
	answers := make([]string, n)
	var commits atomic.Int32
	atOnce(n, func(i int) {
		event, err := call()
		if err != nil {
			f.Error(err)
			return
		}
		encoded, _ := json.Marshal(event)
		answers[i] = string(encoded)
		if !event.Repeated {
			commits.Add(1)
		}
	})
	if different := slices.Compact(answers); len(different) != 1 {
		f.Errorf("answers differ: %s", different)
	}
	if commits.Load() != 1 {
		f.Errorf("%d calls say that they committed", commits.Load())
	}
}

// testWritersAtOnce has eight writers do all kinds of writes in one chat, many of which fail or find nothing to do
// after they have taken their number. What they were told has to be the log, without a gap.
func testWritersAtOnce(f *fixture) {
	id := f.chat()
	seed := seed(f)
	var mutex sync.Mutex
	told := f.log(id)
	atOnce(8, func(i int) {
		w := &writer{fixture: f, random: rand.New(rand.NewPCG(seed, uint64(i))), chat: id}
		for range 25 {
			event, err := w.write()
			if err != nil && !w.expected(err) {
				f.Error(err)
				return
			}
			if err == nil && !event.Repeated {
				mutex.Lock()
				told = append(told, event)
				mutex.Unlock()
			}
		}
	})
	slices.SortFunc(told, func(a, b *db.Event) int { return cmp.Compare(a.Seq, b.Seq) })
	checkOrder(f, told)
	log := f.log(id)
	checkOrder(f, log)
	f.same("log", identities(log), identities(told))
	for _, e := range log { // as they are now
		if e.Message != nil {
			now, err := readMessage(f.ctx, f.repo, f.owner, e.Message.ID)
			f.ok(err)
			f.same("message", e.Message, now)
		}
	}
}

// identities is what does not change when an event is replayed.
func identities(events []*db.Event) []string {
	var list []string
	for _, e := range events {
		message, member := "", ""
		if e.Message != nil {
			message = fmt.Sprint(e.Message.ID, e.Message.Seq, e.Message.CreatedAt)
		}
		if e.Member != nil {
			member = e.Member.UserID
		}
		list = append(list, fmt.Sprint(e.ChatID, e.Seq, e.Epoch, e.Kind, e.Actor, e.At, e.Title, message, member))
	}
	return list
}

// writer is one of several that write in a chat at the same time.
type writer struct {
	*fixture
	random *rand.Rand
	chat   string
	own    []db.NewMessage
}

func (w *writer) write() (*db.Event, error) {
	ctx := w.ctx
	if w.random.IntN(8) == 0 { // the caller goes away in the middle of it: committed or not, never half
		return w.writeAndVanish()
	}
	switch n := w.random.IntN(8); {
	case n == 0:
		return w.repo.RenameChat(ctx, w.owner, w.chat, fmt.Sprint("title ", w.random.IntN(2)))
	case n == 1:
		return w.repo.RenameChat(ctx, w.mia, w.chat, "not hers to rename")
	case n == 2 && len(w.own) > 0:
		return w.repo.SendMessage(ctx, w.mia, w.any())
	case n == 3 && len(w.own) > 0:
		return w.repo.EditMessage(ctx, w.mia, w.any().ID, fmt.Sprint("content ", w.random.IntN(2)))
	case n == 4 && len(w.own) > 0:
		return w.repo.DeleteMessage(ctx, w.mia, w.any().ID)
	case n == 5:
		return w.repo.AddMember(ctx, w.owner, w.chat, w.mia)
	}
	w.own = append(w.own, newMessage(w.chat, "text"))
	return w.repo.SendMessage(ctx, w.mia, w.own[len(w.own)-1])
}

// writeAndVanish sends with a context that ends at some moment, and finds out with a repeat what became of it.
func (w *writer) writeAndVanish() (*db.Event, error) {
	ctx, cancel := context.WithTimeout(w.ctx, time.Duration(w.random.IntN(2000))*time.Microsecond)
	defer cancel()
	message := newMessage(w.chat, "in a hurry")
	event, err := w.repo.SendMessage(ctx, w.mia, message)
	if err == nil {
		return event, nil
	}
	event, err = w.repo.SendMessage(w.ctx, w.mia, message)
	if err == nil && event.Repeated {
		committed := *event
		committed.Repeated = false // by the first call, which was not told
		event = &committed
	}
	return event, err
}

func (w *writer) any() db.NewMessage { return w.own[w.random.IntN(len(w.own))] }

func (w *writer) expected(err error) bool {
	code := db.CodeOf(err)
	return code == db.CodeForbidden || code == db.CodeConflict
}

// testRemovalAgainstSends removes a member who is sending. Permission is ordered with content: nothing of hers may
// come after her removal.
func testRemovalAgainstSends(f *fixture) {
	for range 10 {
		id := f.chat()
		atOnce(6, func(i int) {
			if i == 0 {
				if _, err := f.repo.RemoveMember(f.ctx, f.owner, id, f.mia); err != nil {
					f.Error(err)
				}
				return
			}
			for range 3 {
				_, err := f.repo.SendMessage(f.ctx, f.mia, newMessage(id, "text"))
				if err != nil && db.CodeOf(err) != db.CodeNotFound {
					f.Error(err)
				}
			}
		})
		events := f.log(id)
		checkOrder(f, events)
		if last := events[len(events)-1]; last.Kind != db.MemberRemoved {
			f.Fatalf("after the removal comes event %d, %s", last.Seq, last.Kind)
		}
	}
}

// testDeletionAgainstSends deletes a chat that is being written in: its last event is its deletion, and no text stays.
func testDeletionAgainstSends(f *fixture) {
	for range 5 {
		id := f.chat()
		atOnce(5, func(i int) {
			if i == 0 {
				if _, err := f.repo.DeleteChat(f.ctx, f.owner, id); err != nil {
					f.Error(err)
				}
				return
			}
			message := newMessage(id, "text")
			_, err := f.repo.SendMessage(f.ctx, f.mia, message)
			if err != nil && db.CodeOf(err) != db.CodeNotFound {
				f.Error(err)
			}
		})
		log, err := f.repo.Log(f.ctx, id, 0, 100)
		f.ok(err)
		if len(log.Events) != 1 || log.Events[0].Kind != db.ChatDeleted || log.Events[0].Seq != log.HeadSeq {
			f.Fatalf("the log of the deleted chat has %d events up to %d", len(log.Events), log.HeadSeq)
		}
	}
}

// testReadsUnderWrites reads a chat while it is written: every answer has to fit together, because it is one snapshot.
func testReadsUnderWrites(f *fixture) {
	id := f.chat()
	done := make(chan struct{})
	var writers sync.WaitGroup
	writers.Go(func() {
		defer close(done)
		for range 40 {
			if _, err := f.repo.SendMessage(f.ctx, f.mia, newMessage(id, "text")); err != nil {
				f.Error(err)
				return
			}
		}
	})
	defer writers.Wait() // also when a read fails
	newest := int64(0)
	for more := true; more; {
		select {
		case <-done:
			more = false
		default:
		}
		newest = checkSnapshot(f, id, newest)
	}
	if newest != 42 {
		f.Errorf("the last read saw event %d", newest)
	}
}

// checkSnapshot knows that after the first two events of the chat there are only messages.
func checkSnapshot(f *fixture, id string, before int64) int64 {
	f.Helper()
	chat := f.read(f.mia, id)
	if chat.HeadSeq < before {
		f.Fatalf("the chat went back from event %d to %d", before, chat.HeadSeq)
	}
	if n := int64(len(chat.Newest.Messages)); n != chat.HeadSeq-2 || n > 0 && chat.LastMessage.Seq != chat.HeadSeq {
		f.Fatalf("%d messages with head %d", n, chat.HeadSeq)
	}
	lists, err := f.repo.Messages(f.ctx, f.mia, []string{id}, db.Page{Limit: 100, Backward: true})
	f.ok(err)
	if n := int64(len(lists[id].Messages)); n != lists[id].Cursor.Seq-2 {
		f.Fatalf("a page of %d messages says that it is at %v", n, lists[id].Cursor)
	}
	log, err := f.repo.Log(f.ctx, id, 0, 1000)
	f.ok(err)
	if int64(len(log.Events)) != log.HeadSeq {
		f.Fatalf("a log of %d events with head %d", len(log.Events), log.HeadSeq)
	}
	return log.HeadSeq
}
