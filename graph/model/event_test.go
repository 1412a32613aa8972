package model_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"studychat/db"
	"studychat/db/dbtest"
	"studychat/events"
	"studychat/graph/generated"
	"studychat/graph/model"
)

// TestEveryKindRenders: each kind becomes the durable event that has its name, with what it carries, and the schema has the event.
func TestEveryKindRenders(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	inSchema := map[string]bool{}
	for _, possible := range schema.GetPossibleTypes(schema.Types["DurableChatEvent"]) {
		inSchema[possible.Name] = true
	}
	dbtest.EveryKind(t, func(t *testing.T, event *db.Event) {
		got, ok := model.NewChatEvent(events.Item{Cursor: "x", At: event.At, Event: event}, nil).(model.DurableChatEvent)
		if !ok {
			t.Fatalf("%s has no row in renders", event.Kind)
		}
		value := reflect.ValueOf(got)
		name := value.Type().Name()
		if !strings.EqualFold(name, strings.ReplaceAll(string(event.Kind), "_", "")) {
			t.Errorf("it renders as %s", name)
		}
		if !inSchema[name] {
			t.Errorf("the schema has no %s that implements DurableChatEvent", name)
		}
		for i := range value.NumField() {
			if value.Field(i).IsZero() {
				t.Errorf("it renders without its %s", value.Type().Field(i).Name)
			}
		}
	})
}

// TestEveryEphemeralKindRenders reads the constants from the source: a kind that does not render would be dropped in silence.
func TestEveryEphemeralKindRenders(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("../../events/notification.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^\t\w+ +EphemeralKind = "(\w+)"`).FindAllSubmatch(source, -1)
	if len(declared) < 3 {
		t.Fatalf("%d kinds declared: the pattern is wrong", len(declared))
	}
	for _, kind := range declared {
		item := events.Item{Ephemeral: &events.Ephemeral{Kind: events.EphemeralKind(kind[1]), ChatID: "c", User: "u"}}
		if model.NewChatEvent(item, nil) == nil {
			t.Errorf("%s does not render", kind[1])
		}
	}
	if model.NewChatEvent(events.Item{Ephemeral: &events.Ephemeral{Kind: "UNKNOWN"}}, nil) != nil {
		t.Error("an unknown kind renders")
	}
}
