package sqlstore_test

import (
	"context"
	"testing"
	"time"

	"studychat/db"
	"studychat/db/sqlstore"
)

// TestHorizonOfSQLite: the horizon waits for a write that is under way, in this process or in another, and then goes on with the time.
func TestHorizonOfSQLite(t *testing.T) {
	t.Parallel()
	url := sqliteFile(t)
	g := openGuarded(t, url)
	other := openStore(t, url, sqlstore.OpenOptions{})
	var pulses []chan time.Time
	for _, store := range []*sqlstore.Store{g.Store, other} {
		horizons := make(chan time.Time, 1)
		t.Cleanup(store.StartPulse(t.Context(), func(p db.Pulse) {
			select {
			case <-horizons: // the newest alone counts
			default:
			}
			horizons <- p.Horizon
		}))
		pulses = append(pulses, horizons)
	}
	underWay, goOn := make(chan struct{}), make(chan struct{})
	g.spy.onMark = func(context.Context, db.Write) {
		close(underWay)
		<-goOn
	}
	sent := make(chan *db.Event)
	go func() {
		event, err := g.send(context.Background())
		if err != nil {
			t.Error(err)
		}
		sent <- event
	}()
	<-underWay
	var before []time.Time
	for _, horizons := range pulses {
		<-horizons
		before = append(before, <-horizons, <-horizons) // asked for while the write is under way
	}
	close(goOn)
	event := <-sent
	if event == nil {
		t.FailNow()
	}
	for _, horizon := range before {
		if horizon.After(event.At) {
			t.Errorf("the horizon %v is past a write under way, of %v", horizon, event.At)
		}
		if behind := event.At.Sub(horizon); behind > 15*time.Second {
			t.Errorf("the horizon is %v behind", behind)
		}
	}
	deadline := time.After(10 * time.Second)
	for _, horizons := range pulses {
		for horizon := (time.Time{}); !horizon.After(event.At); {
			select {
			case horizon = <-horizons:
			case <-deadline:
				t.Fatalf("the horizon is %v, and the write of %v is over", horizon, event.At)
			}
		}
	}
}
