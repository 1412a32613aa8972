package hub

import (
	"context"

	"studychat/db"
)

// fill starts catchUp if there is something to read. Call it with t.mu held.
func (t *topic) fill() {
	if t.filling || !t.behind() || !t.begin() {
		return
	}
	t.filling = true
	go func() {
		defer t.done()
		t.catchUp(t.ctx)
	}()
}

func (t *topic) behind() bool {
	return t.known && !t.abandoned && (t.mustResync || t.announced > t.last)
}

// catchUp reads the log until the topic has everything that was announced. One read serves all followers.
func (t *topic) catchUp(ctx context.Context) {
	for attempt := 0; ; {
		t.mu.Lock()
		if ctx.Err() != nil || !t.behind() {
			t.filling = false
			t.mu.Unlock()
			return
		}
		before := position{t.generation, t.last, t.announced}
		t.mustResync = false
		t.mu.Unlock()

		if t.readOn(ctx, before) {
			attempt = 0
			continue
		}
		attempt++
		_ = t.pause(ctx, attempt) // the loop checks ctx
	}
}

// readOn reads one stretch of the log and reports whether it made progress.
func (t *topic) readOn(ctx context.Context, before position) bool {
	after := max(before.last, before.announced-ringEvents) // nobody needs more than the ring holds
	log, err := t.readLog(ctx, t.chatID, after)
	switch {
	case db.CodeOf(err) == db.CodeNotFound:
		t.vanish()
		return true
	case err != nil:
		t.log.Debug("reading a chat's log failed", "chat", t.chatID, "after", after, "error", err)
		t.mu.Lock()
		t.mustResync = true
		t.mu.Unlock()
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.apply(log.Head, before)
	t.offer(log, after > before.last)
	if t.announced == before.announced && t.announced > log.HeadSeq {
		t.announced = log.HeadSeq // the hint was wrong: the log has the truth
	}
	return t.last > before.last || t.generation != before.generation || !t.behind()
}
