package cache

import (
	"testing"

	"studychat/db"
)

// TestANewDatabaseID: two instances learn the database's new id one after the other. The first one writes under the new names, and the
// second one would serve what the old names hold. So an outage is listed before the id is renewed. The control leaves it out.
func TestANewDatabaseID(t *testing.T) {
	t.Parallel()
	for name, announced := range map[string]bool{"announced": true, "control": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, store, b := newRedis(t), newFakeStore(), newBoard()
			first, second := newRig(t, store, server.Addr(), tuning{}, Options{}), newRig(t, store, server.Addr(), tuning{}, Options{})
			pulse := func(r *rig, id string, renewed bool) {
				p := b.pulse()
				p.Database, p.Renewed = id, renewed
				r.guard.Pulse(p)
			}
			for _, r := range []*rig{first, second} {
				r.guard.StartSharing(t.Context(), b)
				pulse(r, "old", false)
			}
			chat := store.newChat("ann", "bob")
			second.chat(t, "ann", chat.ID)
			if hits := second.guard.Stats().Hits; second.chat(t, "ann", chat.ID) == nil || second.guard.Stats().Hits == hits {
				t.Fatal("the old body is not in the cache: the test shows nothing")
			}
			if announced {
				_ = b.ReportOutage(t.Context(), "new epoch", 0, db.PulseAge)
				pulse(second, "old", false) // at least one within db.PulseAge, or the second does not use Redis for that reason
			}
			pulse(first, "new", true)
			w := store.begin(t.Context(), first.guard, chat.ID)
			w.commit()
			w.finished(db.Committed)
			if got := second.chat(t, "ann", chat.ID).HeadSeq; (got < w.next.HeadSeq) == announced {
				t.Errorf("read version %d after %d", got, w.next.HeadSeq)
			}
			pulse(second, "new", true)
			if got := second.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
				t.Errorf("with the new id: read version %d after %d", got, w.next.HeadSeq)
			}
		})
	}
}
