package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// outage is the one outage that a pulse lists.
func outage(t *testing.T, pulses <-chan db.Pulse, what string, holds func(db.Outage) bool) db.Outage {
	t.Helper()
	return pulseThat(t, pulses, what, func(p db.Pulse) bool { return len(p.Outages) == 1 && holds(p.Outages[0]) }).Outages[0]
}

func report(t *testing.T, store *sqlstore.Store, in, lasts time.Duration) {
	t.Helper()
	if err := store.ReportOutage(t.Context(), "here", in, lasts); err != nil {
		t.Fatal(err)
	}
}

func TestOutageCountsFromItsFirstReport(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store, pulses := pulsing(t, url, db.NoGuard{})
		report(t, store, time.Second, time.Hour)
		first := outage(t, pulses, "with the outage", func(db.Outage) bool { return true })
		if first.In > time.Second || first.Over {
			t.Errorf("%+v", first)
		}
		report(t, store, time.Hour, 2*time.Hour)
		renewed := outage(t, pulses, "with the renewal", func(o db.Outage) bool { return o.Until.After(first.Until) })
		if renewed.In > time.Second {
			t.Errorf("a renewal moved the beginning: %+v", renewed)
		}
		if err := store.ForgetOutage(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		outage(t, pulses, "where it counts, although the one of before was forgotten", func(o db.Outage) bool { return o.In <= 0 })
		if err := store.ForgetOutage(t.Context(), renewed); err != nil {
			t.Fatal(err)
		}
		pulseThat(t, pulses, "without it", func(p db.Pulse) bool { return len(p.Outages) == 0 })
	})
}

// held is a guard that keeps a write from committing until it is let go.
type held struct{ reached, pass chan struct{} }

func (h held) Mark(ctx context.Context, _ ...db.Write) func(db.Outcome) {
	close(h.reached)
	select {
	case <-h.pass:
	case <-ctx.Done():
	}
	return func(db.Outcome) {}
}

// What a dead instance's writes replaced must be deleted after the last of them is committed: the database may take
// its time with that.
func TestOutageIsNotOverWhileAWriteOfBeforeIsUnderWay(t *testing.T) {
	t.Parallel()
	guard := held{make(chan struct{}), make(chan struct{})}
	store, pulses := pulsing(t, postgres(t), guard)
	written := make(chan error, 1)
	go func() {
		_, err := store.CreateChat(t.Context(), "ann", db.NewChat{ID: db.NewID(), Title: "Biology"})
		written <- err
	}()
	<-guard.reached
	report(t, store, 0, 10*time.Millisecond)
	ended := outage(t, pulses, "with the outage", func(db.Outage) bool { return true }).Until
	p := pulseThat(t, pulses, "well after its end", func(db.Pulse) bool { return store.Now().Sub(ended) > 2*db.PulseEvery })
	if len(p.Outages) != 1 || p.Outages[0].Over {
		t.Errorf("with a write under way: %+v", p.Outages)
	}
	close(guard.pass)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	outage(t, pulses, "where it is over", func(o db.Outage) bool { return o.Over })
}
