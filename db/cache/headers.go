package cache

import (
	"context"
	"slices"
	"sync"

	"github.com/redis/go-redis/v9"
)

// maxHeaders is how many headers one round trip asks for: about 1 ms of Redis's time. As many again may wait.
const maxHeaders = 500

// headers asks Redis for the headers of values, one round trip at a time: each carries all questions that came during the one before. A
// question that finds none under way is sent at once, by its caller. No question is sent before its caller began, so an answer is
// never older than the read that it is for.
//
// With 64 callers a header costs a sixth of the CPU of a GET of its own. Rejected: go-redis's AutoPipeline, which is experimental, hands each
// command to goroutines of its own, and costs two thirds more.
type headers struct {
	link link

	mu            sync.Mutex
	waiting       []*question
	busy, stopped bool
	running       sync.WaitGroup
	answered      sync.Pool // questions to be used again
}

// question is for the header of one key. It is answered once done has received.
type question struct {
	key    string
	header string
	err    error
	done   chan struct{}
}

// ask returns the first bytes of a key's value: headerBytes, or fewer if there are not as many; "" when it is absent. It returns after two
// round trips, 100 ms, at most, and so does not watch for the end of ctx meanwhile: that would start a timer for each question.
func (h *headers) ask(ctx context.Context, key string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	q, first := h.enqueue(key)
	if q == nil {
		header, err := h.one(context.WithoutCancel(ctx), key)
		if first {
			h.next()
		}
		return header, err
	}
	<-q.done
	header, err := q.header, q.err
	*q = question{done: q.done}
	h.answered.Put(q)
	return header, err
}

// enqueue returns the question that waits for the round trip under way, or nil: then the caller asks by itself, and calls next after that if it
// is the first. Too many questions do not wait: they share the client's pool of connections.
func (h *headers) enqueue(key string) (q *question, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.stopped || len(h.waiting) >= maxHeaders:
		return nil, false
	case !h.busy:
		h.busy = true
		return nil, true
	}
	if q, _ = h.answered.Get().(*question); q == nil {
		q = &question{done: make(chan struct{}, 1)}
	}
	q.key = key
	h.waiting = append(h.waiting, q)
	return q, false
}

func (h *headers) one(ctx context.Context, key string) (header string, err error) {
	err = h.link.Health.Do(ctx, func(ctx context.Context) (err error) {
		header, err = h.link.Client.GetRange(ctx, key, 0, headerBytes-1).Result()
		return err
	})
	return header, err
}

// next has the questions sent that came meanwhile.
func (h *headers) next() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.waiting) == 0 {
		h.busy = false
		return
	}
	h.running.Go(h.run)
}

// run sends round trips while questions are waiting.
func (h *headers) run() {
	for batch := h.take(nil); len(batch) > 0; batch = h.take(batch) {
		h.send(batch)
	}
}

// take returns the questions that wait. The next ones go into the array of those that are done.
func (h *headers) take(done []*question) []*question {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(done)
	batch := h.waiting
	h.waiting, h.busy = done[:0], len(batch) > 0
	return batch
}

// send uses no caller's context, because the callers share the round trip.
func (h *headers) send(batch []*question) {
	cmds := make([]*redis.StringCmd, len(batch))
	err := h.link.Health.Do(context.Background(), func(ctx context.Context) error {
		pipe := h.link.Client.Pipeline()
		for i, q := range batch {
			cmds[i] = pipe.GetRange(ctx, q.key, 0, headerBytes-1)
		}
		_, err := pipe.Exec(ctx)
		return err
	})
	failed := slices.ContainsFunc(cmds, func(cmd *redis.StringCmd) bool { return cmd == nil || cmd.Err() != nil })
	for i, q := range batch {
		if err != nil && (cmds[i] == nil || !failed) {
			q.err = err // nothing was sent, or the pipeline failed before any of its commands did
		} else {
			q.header, q.err = cmds[i].Result()
		}
		q.done <- struct{}{}
	}
}

// stop waits for the round trip under way, at most 50 ms. Later callers ask by themselves.
func (h *headers) stop() {
	h.mu.Lock()
	h.stopped = true
	h.mu.Unlock()
	h.running.Wait()
}
