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
	listeners := []<-chan db.Pulse{listen(t, g.Store), listen(t, other)}
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
	for _, pulses := range listeners {
		<-pulses
		before = append(before, (<-pulses).Horizon, (<-pulses).Horizon) // asked for while the write is under way
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
	for _, pulses := range listeners {
		pulseThat(t, pulses, "with the write behind it", func(p db.Pulse) bool { return p.Horizon.After(event.At) })
	}
}
