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

// lateCommit has two events commit long after they were written, when their instances are dead and the feeds of their
// readers were cut and resumed: one COMMIT was on its way all the time, the other one waited inside the server, for a
// standby that is not there.
func lateCommit(r *record) {
	r.small()
	r.Fault = fmt.Sprintf("two COMMITs that end %.0f s later than they were sent, and their instances killed: one kept back by a proxy, one inside PostgreSQL (synchronous_standby_names); feeds and streams are cut each %.1f s and resumed, every second one not until the COMMITs ended", lateFor.Seconds(), lateCut.Seconds())
	server := services.NewPostgresServer(r, "synchronous_commit=local")
	w := newWorld(r, setting{dsn: server.DSN()})
	l := w.newTraffic(r)
	l.addFeeds(8)
	l.everyCarrier()
	l.start()
	held := &late{name: "a COMMIT that a proxy kept back", room: l.sideRoom()}
	l.show(held.room)
	waiting := &late{name: "a COMMIT that waited inside PostgreSQL", room: l.sideRoom()}
	l.show(waiting.room)

	commits := held.writeHeld(r, w)
	waiting.writeWaiting(r, w)
	trouble := during(func() { l.cutOften(lateFor) })
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

// write sends the message at an instance that will not live to answer.
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
		r.Fatalf("%s: not under way after 10 s", e.name)
	}
}

// writeHeld leaves the COMMIT in the proxy.
func (e *late) writeHeld(r *record, w *world) *hold {
	r.Helper()
	i, line := w.victim("")
	commits := line.holdCommits()
	e.write(r, w, i, func() bool { return commits.count.Load() > 0 })
	return commits
}

// writeWaiting leaves the COMMIT in the server, where it waits for a standby.
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

// cutOften cuts every feed and stream again and again, one after the other.
func (l *traffic) cutOften(duration time.Duration) {
	all := slices.Concat(l.feeds, l.subscribers)
	for began, n := time.Now(), 0; time.Since(began) < duration; n++ {
		all[n%len(all)].cut()
		pause(lateCut / time.Duration(len(all)))
	}
}

// leave disconnects every second feed and stream until they are told to come back. The others are there all the time, and
// hear of what is committed meanwhile.
func (l *traffic) leave() (comeBack func()) {
	var away []*subscriber
	for _, all := range [][]*subscriber{l.feeds, l.subscribers} {
		for n, s := range all {
			if n%2 == 0 {
				away = append(away, s)
				s.gate.shut()
				s.cut()
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

// report says who got the event. One that never committed nobody may get, which the validators see to.
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
	r.limit(!e.committed && came == 0 || e.committed && came == feeds, "%s: committed: %t; it came to %d of %d feeds and streams, the last %.1f s after the COMMIT was let go", e.name, e.committed, came, feeds, slowest.Seconds())
}
