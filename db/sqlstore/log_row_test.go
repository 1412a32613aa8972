package sqlstore

import (
	"reflect"
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
)

// TestEveryKindIsToldAgain: the row of an event has all that its kind carries, except for the message, which is read apart.
func TestEveryKindIsToldAgain(t *testing.T) {
	t.Parallel()
	dbtest.EveryKind(t, func(t *testing.T, event *db.Event) {
		row, err := rowOf(event)
		if err != nil {
			t.Fatal(err)
		}
		got, message, err := row.event(event.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		if event.Message != nil && message == event.Message.ID {
			got.Message = event.Message
		}
		if !reflect.DeepEqual(got, event) {
			t.Errorf("got  %+v, %+v\nwant %+v, %+v", got, got.Member, event, event.Member)
		}
	})
}
