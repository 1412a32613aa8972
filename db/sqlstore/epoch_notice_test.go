package sqlstore_test

import (
	"testing"
	"time"

	"studychat/db"
)

// TestANewEpochIsAnnounced: for db.PulseAge before the id of the database is renewed, each pulse lists an outage that counts; with the
// new id there is none.
func TestANewEpochIsAnnounced(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store, pulses := pulsing(t, url, db.NoGuard{})
		id, err := store.DatabaseID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		begun, done := time.Now(), make(chan error, 1)
		go func() {
			_, _, err := store.BumpEpoch(t.Context())
			done <- err
		}()
		outage(t, pulses, "with an outage that counts", func(o db.Outage) bool { return o.In <= 0 && !o.Over })
		p := pulseThat(t, pulses, "with the new id", func(p db.Pulse) bool {
			if p.Database == id && len(p.Outages) != 1 {
				t.Errorf("the outage is over before the new id: %+v", p)
			}
			return p.Database != id
		})
		if len(p.Outages) > 0 || !p.Renewed || p.Asked.Sub(begun) < db.PulseAge {
			t.Errorf("with the new id %s later: %+v", p.Asked.Sub(begun), p)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// TestAnEpochDoesNotRiseWithoutItsNotice: somebody forgot the notice, as that of an instance that is gone.
func TestAnEpochDoesNotRiseWithoutItsNotice(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, url string) {
		store, pulses := pulsing(t, url, db.NoGuard{})
		before, err := store.Epoch(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, _, err := store.BumpEpoch(t.Context())
			done <- err
		}()
		notice := outage(t, pulses, "with the notice", func(db.Outage) bool { return true })
		if err := store.ForgetOutage(t.Context(), notice); err != nil {
			t.Fatal(err)
		}
		if err := <-done; db.CodeOf(err) != db.CodeUnavailable {
			t.Errorf("raised without a notice: %v", err)
		}
		if after, err := store.Epoch(t.Context()); err != nil || after != before {
			t.Errorf("the epoch was %d and is %d, %v", before, after, err)
		}
	})
}
