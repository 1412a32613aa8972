package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"studychat/db"
)

const (
	cachedChats  = 24
	cacheOwners  = 4 // each with a guest who is a member of the same chats
	cacheReaders = 9
	cacheWriters = 6
)

// workload is readers and writers of the same chats, spread over the stacks, and the history of what they saw.
type workload struct {
	r      *record
	stacks []*stack
	h      *history
	fates  bool   // some writers die, and some commits take long
	only   *stack // the only stack that writes, if set

	mu    sync.Mutex
	chats [cachedChats]*chatRegister

	workers  sync.WaitGroup
	stop     context.CancelFunc
	problems atomic.Int64
}

// chatRegister is a chat of the workload.
type chatRegister struct {
	id, owner, guest string
	dying            bool // its deletion has begun
}

func newWorkload(r *record, stacks []*stack) *workload {
	w := &workload{r: r, stacks: stacks, h: newHistory(), stop: func() {}}
	for n := range w.chats {
		w.chats[n] = w.create(n)
	}
	r.Cleanup(w.end)
	return w
}

// create creates a chat, which is the first write of a register.
func (w *workload) create(n int) *chatRegister {
	c := &chatRegister{id: db.NewID(), owner: fmt.Sprintf("owner-%d", n%cacheOwners), guest: fmt.Sprintf("guest-%d", n%cacheOwners)}
	began, repo := w.h.now(), w.stacks[n%len(w.stacks)].repo
	ctx := context.Background()
	_, err := repo.CreateChat(ctx, c.owner, db.NewChat{ID: c.id, Title: "A register"})
	if err == nil {
		var event *db.Event
		if event, err = repo.AddMember(ctx, c.owner, c.id, c.guest); err == nil {
			w.h.add(op{chat: c.id, kind: writes, value: event.Seq, call: began, ret: w.h.now()})
		}
	}
	w.failed(err)
	return c
}

// start runs readers and writers until done.
func (w *workload) start() {
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	for n := range cacheReaders + cacheWriters {
		s := w.stacks[n%len(w.stacks)]
		if n >= cacheReaders && w.only != nil {
			s = w.only
		}
		w.workers.Go(func() {
			for ctx.Err() == nil {
				switch {
				case n < cacheReaders:
					w.read(n, s)
					pause(rand.N(4 * time.Millisecond))
				case n == cacheReaders && rand.IntN(20) == 0:
					w.delete(n, s)
				default:
					w.write(n, s)
					pause(rand.N(40 * time.Millisecond))
				}
			}
		})
	}
}

func (w *workload) end() {
	w.stop()
	w.workers.Wait()
}

// failed counts unexpected errors: no fault here affects the database.
func (w *workload) failed(err error) bool {
	if err == nil {
		return false
	}
	if w.problems.Add(1) < 10 {
		w.r.Logf("workload: %v", err)
	}
	return true
}

func (w *workload) any() (int, *chatRegister) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := rand.IntN(len(w.chats))
	return n, w.chats[n]
}

// write sends a message. One in a hundred writers dies, and the commit of another takes 3 s.
func (w *workload) write(client int, s *stack) {
	_, c := w.any()
	f := fate{}
	if w.fates {
		f.dies = rand.IntN(100) == 0
		if rand.IntN(100) == 0 {
			f.commit = 3 * time.Second
		}
	}
	call := w.h.now()
	ctx := context.WithValue(context.Background(), fateKey{}, f)
	event, err := s.repo.SendMessage(ctx, c.owner, db.NewMessage{ID: db.NewID(), ChatID: c.id, Role: db.RoleUser, Content: "value"})
	ret := w.h.now()
	if err != nil && w.isDying(c) {
		return
	}
	if w.failed(err) {
		return
	}
	if f.dies {
		ret = never
	}
	w.h.add(op{client: client, chat: c.id, kind: writes, value: event.Seq, call: call, ret: ret})
}

func (w *workload) isDying(c *chatRegister) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return c.dying
}

// delete deletes a chat and creates another in its place.
func (w *workload) delete(client int, s *stack) {
	n, c := w.any()
	w.mu.Lock()
	c.dying = true
	w.mu.Unlock()
	call := w.h.now()
	_, err := s.repo.DeleteChat(context.Background(), c.owner, c.id)
	if w.failed(err) {
		return
	}
	w.h.add(op{client: client, chat: c.id, kind: deletes, value: gone, call: call, ret: w.h.now()})
	for range 5 { // a deleted chat must not reappear
		w.readChat(client, w.stacks[rand.IntN(len(w.stacks))], c)
	}
	fresh := w.create(n)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.chats[n] = fresh
}

func (w *workload) read(client int, s *stack) {
	_, c := w.any()
	if rand.IntN(3) > 0 {
		w.readChat(client, s, c)
		return
	}
	w.readList(client, s, c)
}

func (c *chatRegister) reader() string {
	if rand.IntN(2) == 0 {
		return c.owner
	}
	return c.guest
}

func (w *workload) readChat(client int, s *stack, c *chatRegister) {
	call := w.h.now()
	chat, err := s.repo.Chat(context.Background(), c.reader(), c.id)
	ret := w.h.now()
	value := gone
	if err == nil {
		value = chat.HeadSeq
	}
	if db.CodeOf(err) != db.CodeNotFound && w.failed(err) {
		return
	}
	w.h.add(op{client: client, chat: c.id, kind: reads, value: value, call: call, ret: ret})
}

// readList reads the chat's number from a list that contains it.
func (w *workload) readList(client int, s *stack, c *chatRegister) {
	call := w.h.now()
	list, err := s.repo.Chats(context.Background(), c.reader(), nil, db.Page{Limit: db.ChatPage})
	ret := w.h.now()
	if w.failed(err) {
		return
	}
	value := gone
	if at := slices.IndexFunc(list.Chats, func(chat *db.Chat) bool { return chat.ID == c.id }); at >= 0 {
		value = list.Chats[at].HeadSeq
	}
	w.h.add(op{client: client, chat: c.id, kind: reads, value: value, call: call, ret: ret})
}

// done ends the workload and returns its history.
func (w *workload) done() []op {
	w.end()
	w.r.limit(w.problems.Load() == 0, "%d operations of the workload failed", w.problems.Load())
	return w.h.ops
}

// usage records how much the cache answered: a check of an unused cache proves nothing.
func (w *workload) usage(ops []op) {
	var hits, fills, failures int64
	for _, s := range w.stacks {
		stats := s.guard.Stats()
		hits, fills, failures = hits+stats.Hits, fills+stats.Fills, failures+stats.MarkFailures
	}
	count := 0
	for _, o := range ops {
		if o.kind == reads {
			count++
		}
	}
	w.r.Load = fmt.Sprintf("3 instances in one process, %d readers, %d writers, %d chats", cacheReaders, cacheWriters, cachedChats)
	w.r.limit(hits > int64(count/10) && fills > 30, "%d reads, %d writes and deletions, %d hits, %d fills, %d marks that Redis did not store",
		count, len(ops)-count, hits, fills, failures)
}

// lateAnswers is when Redis did not answer one of the stacks in time.
func (w *workload) lateAnswers() (all []time.Duration) {
	for _, s := range w.stacks {
		s.late.mu.Lock()
		for _, at := range s.late.at {
			all = append(all, at.Sub(w.h.began))
		}
		s.late.mu.Unlock()
	}
	return all
}

// watch follows a chat at an instance, so that its hub has a subscriber.
func (w *workload) watch(s *stack, c *chatRegister) {
	stream, err := s.hub.Chat(w.r.Context(), c.guest, c.id, nil)
	w.r.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, err := stream.Next(ctx); err != nil {
				return
			}
		}
	})
	w.r.Cleanup(func() {
		cancel()
		reading.Wait()
		stream.Close()
	})
}
