package torture

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"studychat/db"
	"studychat/test/services"
)

const (
	lateFor = 45 * time.Second // between the write of an event and its commit
	lateCut = 1500 * time.Millisecond
)

// lateCommit delays two commits until their instances are dead and the feeds of their readers were disconnected and
// resumed. A proxy holds one COMMIT back; the other one waits inside the server for a standby that does not exist.
func lateCommit(r *record) {
	r.small()
	r.Fault = fmt.Sprintf("two COMMITs that end %.0f s after they were sent, their instances killed meanwhile: a proxy holds one back, the other waits inside PostgreSQL (synchronous_standby_names); feeds and streams are disconnected every %.1f s and resumed, every second one only after the COMMITs ended", lateFor.Seconds(), lateCut.Seconds())
	server := services.NewPostgresServer(r, "synchronous_commit=local")
	w := newWorld(r, setting{dsn: server.DSN()})
	l := w.newTraffic(r)
	l.addFeeds(8)
	l.everyCarrier()
	l.start()
	held := &late{name: "a COMMIT that a proxy held back", room: l.sideRoom()}
	l.show(held.room)
	waiting := &late{name: "a COMMIT that waited inside PostgreSQL", room: l.sideRoom()}
	l.show(waiting.room)

	commits := held.writeHeld(r, w)
	waiting.writeWaiting(r, w)
	trouble := during(func() { l.disconnectOften(lateFor) })
	comeBack := l.leave()
	released := time.Now()
	commits.release()
	w.sql("ALTER SYSTEM RESET synchronous_standby_names")
	w.sql("SELECT pg_reload_conf()")
	for _, one := range []*late{held, waiting} {
		_, one.committed = until(5*time.Second, func() bool { return w.truth().hasMessage(one.message) })
	}
	comeBack()
	l.judge(trouble)
	r.limit(waiting.committed, "the server's own COMMIT ended: %t", waiting.committed)
	for _, one := range []*late{held, waiting} {
		one.report(r, l, released)
	}
}

// late is an event that commits late.
type late struct {
	name      string
	room      room
	message   string // id
	committed bool
}

// write sends the message at an instance that is killed before it answers.
func (e *late) write(r *record, w *world, i *instance, underWay func() bool) {
	r.Helper()
	e.message = db.NewID()
	ctx, cancel := context.WithCancel(context.Background())
	var writing sync.WaitGroup
	writing.Go(func() {
		_ = post(ctx, w.client, i, e.room.owner, sendMessage, vars{"id": e.message, "chat": e.room.id, "content": "late"}, nil)
	})
	_, ok := until(10*time.Second, underWay)
	i.kill()
	cancel()
	writing.Wait()
	if !ok {
		r.Fatalf("%s: not in flight after 10 s", e.name)
	}
}

// writeHeld holds the COMMIT back in the proxy.
func (e *late) writeHeld(r *record, w *world) *hold {
	r.Helper()
	i, line := w.victim("")
	commits := line.holdCommits()
	e.write(r, w, i, func() bool { return commits.count.Load() > 0 })
	return commits
}

// writeWaiting leaves the COMMIT waiting for a standby inside the server.
func (e *late) writeWaiting(r *record, w *world) {
	r.Helper()
	i, _ := w.victim("&synchronous_commit=on")
	w.sql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	w.sql("SELECT pg_reload_conf()")
	conn, err := pgx.Connect(r.Context(), w.dsn)
	r.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	e.write(r, w, i, func() bool {
		var n int
		r.must(conn.QueryRow(r.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'").Scan(&n))
		return n > 0
	})
}

// disconnectOften disconnects every feed and stream again and again, one after the other.
func (l *traffic) disconnectOften(duration time.Duration) {
	all := slices.Concat(l.feeds, l.subscribers)
	for began, n := time.Now(), 0; time.Since(began) < duration; n++ {
		all[n%len(all)].disconnect()
		pause(lateCut / time.Duration(len(all)))
	}
}

// leave disconnects every second feed and stream until comeBack is called. The others stay connected and are notified
// of commits.
func (l *traffic) leave() (comeBack func()) {
	var away []*subscriber
	for _, all := range [][]*subscriber{l.feeds, l.subscribers} {
		for n, s := range all {
			if n%2 == 0 {
				away = append(away, s)
				s.gate.shut()
				s.disconnect()
			}
		}
	}
	pause(time.Second) // for the servers to notice
	return func() {
		for _, s := range away {
			s.gate.reopen()
		}
	}
}

// report says who received the event. The validators check that nobody received one that never committed.
func (e *late) report(r *record, l *traffic, released time.Time) {
	feeds, came, slowest := 0, 0, time.Duration(0)
	for _, s := range slices.Concat(l.feeds, l.subscribers) {
		if s.chat != "" && s.chat != e.room.id {
			continue
		}
		feeds++
		if at := slices.IndexFunc(s.got, func(got received) bool { return got.Message.ID == e.message }); at >= 0 {
			came++
			slowest = max(slowest, s.got[at].at.Sub(released))
		}
	}
	r.limit(!e.committed && came == 0 || e.committed && came == feeds, "%s: committed: %t; delivered to %d of %d feeds and streams, the last %.1f s after the COMMIT was released", e.name, e.committed, came, feeds, slowest.Seconds())
}
