package torture

import (
	"context"
	"fmt"
	"sync"
	"time"

	"studychat/db"
)

const (
	stuckFor    = 5 * time.Second
	stuckCrowd  = 90               // callers over all instances; more than their connections
	mostLocked  = 15 * time.Second // how long a vanished writer may lock a chat
	vanishWrite = 8                // writes of one chat in flight when their instance vanishes
)

// small sets the load beside a fault that affects one chat.
func (r *record) small() { r.chats, r.subscribers, r.rate = 6, 18, 30 }

// stuckChat locks one chat while a crowd writes to it. Users of other chats must not notice.
func stuckChat(r *record) {
	r.small()
	r.Fault = fmt.Sprintf("one chat's row locked for %.0f s (SELECT … FOR UPDATE) while %d callers write to it", stuckFor.Seconds(), stuckCrowd)
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.everyCarrier()
	l.start()
	room := l.sideRoom()
	b := newBystanders(r, w)
	before := during(func() { pause(2 * r.calm) })
	var c *crowd
	trouble := during(func() {
		release := w.lock("SELECT FROM chats WHERE id = $1 FOR UPDATE", room.id)
		c = l.storm(room, stuckCrowd)
		pause(stuckFor)
		release()
	})
	c.end()
	after := during(func() { pause(r.calm) })
	b.end()
	l.judge(trouble)
	c.report(stuckCrowd)
	l.judgeDeliveries(before, trouble, after)
	b.judge(before, trouble, after)
}

// vanishedWriter makes an instance vanish with its host during a commit: its connections stay open and silent. Others
// write to the same chat and to other chats.
func vanishedWriter(r *record) {
	r.small()
	r.Fault = fmt.Sprintf("an instance vanishes without closing its connections to PostgreSQL, with %d writes to one chat in flight, one of them at its COMMIT; %d callers write to that chat at the others", vanishWrite, stuckCrowd)
	w := newWorld(r, setting{})
	victim, line := w.victim("")
	l := w.newTraffic(r)
	l.everyCarrier()
	l.start()
	room := l.sideRoom()
	b := newBystanders(r, w)
	before := during(func() { pause(2 * r.calm) })
	vanish(r, w, victim, line, room)
	var c *crowd
	var freed time.Duration
	trouble := during(func() {
		c = l.storm(room, stuckCrowd)
		freed, _ = until(mostLocked+5*time.Second, func() bool { return !c.firstAnswer().IsZero() })
	})
	line.close() // otherwise the chat may stay locked, and nothing can be judged
	c.end()
	after := during(func() { pause(r.calm) })
	b.end()
	l.judge(trouble)
	r.limit(!c.firstAnswer().IsZero() && freed <= mostLocked, "the chat of the vanished writer was written to again after %.1f s, limit %.0f s", freed.Seconds(), mostLocked.Seconds())
	c.report(stuckCrowd)
	l.judgeDeliveries(before, trouble, after)
	b.judge(before, trouble, after)
}

// judgeDeliveries limits the deliveries of the traffic's messages, as bystanders.judge limits calls.
func (l *traffic) judgeDeliveries(before, trouble, after window) {
	l.r.Helper()
	now := l.deliveries(trouble)
	quiet := max(quantile(l.deliveries(before), 0.99), quantile(l.deliveries(after), 0.99), l.r.hiccup)
	l.r.limit(len(now) > 0 && quantile(now, 0.99) <= bearable(quiet), "deliveries of other chats: %d, p99 %.1f ms, worst %.0f ms; quiet p99 %.1f ms, limit %.1f ms",
		len(now), ms(quantile(now, 0.99)), ms(quantile(now, 1)), ms(quiet), ms(bearable(quiet)))
}

// vanish writes to the room at the instance and freezes its database connections during the COMMIT.
func vanish(r *record, w *world, victim *instance, line *proxy, room room) {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	commits := line.holdCommits()
	var writing sync.WaitGroup
	write := func() {
		_ = post(ctx, w.client, victim, room.owner, sendMessage, vars{"id": db.NewID(), "chat": room.id, "content": "last words"}, nil) // nobody waits for the answer
	}
	writing.Go(write)
	if _, ok := until(10*time.Second, func() bool { return commits.count.Load() > 0 }); !ok {
		r.Error("no COMMIT within 10 s: the proxy did not recognize it")
	}
	for range vanishWrite - 1 {
		writing.Go(write)
	}
	pause(300 * time.Millisecond) // for the writes to reach the lock
	line.freeze()
	victim.kill()
	cancel()
	writing.Wait()
}
