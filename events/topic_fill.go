package events

import (
	"context"

	"studychat/db"
)

// fill starts catchUp if there is something to read. Call it with t.mu held.
func (t *topic) fill() {
	if t.filling || !t.behind() || !t.hub.enter() {
		return
	}
	t.filling = true
	go func() {
		defer t.hub.leave()
		t.catchUp(t.hub.ctx)
	}()
}

func (t *topic) behind() bool {
	return t.known && !t.abandoned && (t.suspect || t.want > t.last)
}

// catchUp reads the log until the topic is where it is said to be. One read serves all followers.
func (t *topic) catchUp(ctx context.Context) {
	for attempt := 0; ; {
		t.mu.Lock()
		if ctx.Err() != nil || !t.behind() {
			t.filling = false
			t.mu.Unlock()
			return
		}
		before := mark{t.generation, t.last, t.want}
		t.suspect = false
		t.mu.Unlock()

		if t.readOn(ctx, before) {
			attempt = 0
			continue
		}
		attempt++
		_ = t.hub.pause(ctx, attempt) // the loop looks at ctx
	}
}

// readOn reads one stretch of the log and returns whether that led anywhere.
func (t *topic) readOn(ctx context.Context, before mark) bool {
	after := max(before.last, before.want-ringEvents) // more than the ring holds would be read for nobody
	log, err := t.hub.readLog(ctx, t.chatID, after)
	switch {
	case db.CodeOf(err) == db.CodeNotFound:
		t.vanish()
		return true
	case err != nil:
		t.hub.log.Debug("reading a chat's log failed", "chat", t.chatID, "after", after, "error", err)
		t.mu.Lock()
		t.suspect = true
		t.mu.Unlock()
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.judge(log.Head, before)
	t.offer(log, after > before.last)
	if t.want == before.want && t.want > log.HeadSeq {
		t.want = log.HeadSeq // the hint was wrong: the log is the truth
	}
	return t.last > before.last || t.generation != before.generation || !t.behind()
}
