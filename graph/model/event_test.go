package model

import (
	"reflect"
	"strings"
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/events"
)

// TestEveryKindRenders: each kind becomes the durable event of the schema that has its name, with what it carries.
func TestEveryKindRenders(t *testing.T) {
	t.Parallel()
	dbtest.EveryKind(t, func(t *testing.T, event *db.Event) {
		got, ok := NewChatEvent(events.Item{Cursor: "x", At: event.At, Event: event}, nil).(DurableChatEvent)
		if !ok {
			t.Fatalf("%s has no row in renders", event.Kind)
		}
		value := reflect.ValueOf(got)
		if name := value.Type().Name(); !strings.EqualFold(name, strings.ReplaceAll(string(event.Kind), "_", "")) {
			t.Errorf("it renders as %s", name)
		}
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("it renders without its %s", value.Type().Field(i).Name)
			}
		}
	})
}
