package torture

import (
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// worst returns the slowest delivery, in ms, of the messages sent in the window.
func (l *traffic) worst(w window) float64 {
	var worst time.Duration
	for _, s := range l.subscribers {
		for _, e := range s.got {
			if at, ok := l.sentAt.Load(e.Message.ID); ok && w.has(at.(time.Time)) {
				worst = max(worst, e.at.Sub(at.(time.Time)))
			}
		}
	}
	return ms(worst)
}

// writeUnpublished commits messages like a server that dies before it publishes them.
func writeUnpublished(l *traffic, n int) {
	store, err := sqlstore.Open(l.r.Context(), l.w.dsn, sqlstore.OpenOptions{MaxConns: 2})
	l.r.must(err)
	defer store.Close()
	for k := range n {
		room, id := l.rooms[k%len(l.rooms)], db.NewID()
		l.sentAt.Store(id, time.Now())
		e, err := store.SendMessage(l.r.Context(), room.owner, db.NewMessage{ID: id, ChatID: room.id, Role: db.RoleUser, Content: "unpublished " + id})
		l.r.must(err)
		l.mu.Lock()
		l.answers = append(l.answers, answered{room.id, id, e.Seq})
		l.mu.Unlock()
	}
}

// instanceKill kills one server after the other.
func instanceKill(r *record) {
	r.Fault = "SIGKILL of each of the three servers in turn, each restarted after 1 s"
	w := newWorld(r, setting{})
	l := w.newTraffic(r)
	l.start()
	var faults []window
	for _, i := range w.instances {
		pause(r.calm)
		faults = append(faults, during(func() {
			i.kill()
			pause(time.Second)
			i.start()
		}))
	}
	pause(r.calm)
	l.judge(faults...)
}

// postgresKill kills the database. Half of the writers do not retry a write whose outcome is unknown.
func postgresKill(r *record) {
	r.Fault = "SIGKILL of all processes of PostgreSQL (fsync on), restarted after 1 s; twice"
	server := services.NewPostgresServer(r, "fsync=on")
	w := newWorld(r, setting{dsn: server.DSN()})
	l := w.newTraffic(r)
	l.forgetful = true
	l.start()
	var faults []window
	for range 2 {
		pause(r.calm)
		faults = append(faults, during(func() {
			server.Kill()
			pause(time.Second)
			server.Restart()
		}))
	}
	pause(r.calm)
	t := l.judge(faults...)
	acknowledged, there, begun := map[string]bool{}, 0, 0
	for _, a := range l.answers {
		acknowledged[a.id] = true
	}
	l.sentAt.Range(func(id, _ any) bool {
		if begun++; !acknowledged[id.(string)] && t.hasMessage(id.(string)) {
			there++
		}
		return true
	})
	r.limit(begun > len(l.answers), "%d of %d writes were abandoned with an unknown outcome; %d of those were committed, once", begun-len(l.answers), begun, there)
}

func (t truth) hasMessage(id string) bool {
	for _, log := range t {
		for _, e := range log {
			if e.message == id {
				return true
			}
		}
	}
	return false
}
