package events_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
)

// fakeWrites answers every write that has an event with one event. It embeds no writes: a new one has to be added here, and is
// then checked by everyWrite.
type fakeWrites struct {
	db.Reads

	event *db.Event
	err   error
	moved bool
}

func (fakeWrites) Now() time.Time { return time.Now() }

func (f fakeWrites) CreateChat(context.Context, string, db.NewChat) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) RenameChat(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) DeleteChat(context.Context, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) TransferChat(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) SendMessage(context.Context, string, db.NewMessage) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) EditMessage(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) DeleteMessage(context.Context, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) AddMember(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) AddKnownMember(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) RemoveMember(context.Context, string, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) LeaveChat(context.Context, string, string) (*db.Event, error) {
	return f.event, f.err
}
func (f fakeWrites) MarkRead(context.Context, string, string, int64) (int64, bool, error) {
	return 7, f.moved, f.err
}
func (f fakeWrites) UpdateViewerState(context.Context, string, string, db.ViewerStateChange) error {
	return f.err
}
func (f fakeWrites) SawUser(context.Context, string, db.Claims) (*db.User, error) { return nil, f.err }
func (f fakeWrites) UpsertUser(context.Context, db.User) error                    { return f.err }
func (f fakeWrites) PutModule(context.Context, db.Module) (*db.Module, error)     { return nil, f.err }
func (f fakeWrites) DeleteModule(context.Context, string) error                   { return f.err }

// everyWrite calls each write that answers with an event, by name. The arguments are zero values: fakeWrites ignores them.
func everyWrite(p db.Repository) map[string]func(context.Context) error {
	calls := map[string]func(context.Context) error{}
	for method := range reflect.TypeFor[db.Writes]().Methods() {
		if method.Type.Out(0) != reflect.TypeFor[*db.Event]() {
			continue
		}
		call := reflect.ValueOf(p).MethodByName(method.Name)
		calls[method.Name] = func(ctx context.Context) error {
			args := []reflect.Value{reflect.ValueOf(ctx)}
			for i := 1; i < call.Type().NumIn(); i++ {
				args = append(args, reflect.Zero(call.Type().In(i)))
			}
			err, _ := call.Call(args)[1].Interface().(error)
			return err
		}
	}
	return calls
}

func TestPublisherAnnouncesAfterEveryWrite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		event  db.Event
		err    error
		want   string
	}{
		{"committed", db.Event{ChatID: "c", Seq: 3, Kind: db.ChatRenamed}, nil, "c:c@3+event"},
		{"a chat is new to its owner", db.Event{ChatID: "c", Seq: 1, Kind: db.ChatCreated, Actor: "ann"}, nil, "c:c@1+event u:ann"},
		{"and to a user who is added", db.Event{ChatID: "c", Seq: 2, Kind: db.MemberAdded, Member: &db.Member{UserID: "bob"}}, nil, "c:c@2+event u:bob"},
		{"nothing committed", db.Event{ChatID: "c", Seq: 3, Kind: db.ChatRenamed, Repeated: true}, nil, ""},
		{"failed", db.Event{}, errors.New("no"), ""},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			bus, got := events.NewMemoryBus(), &eventstest.Recorder{}
			if err := bus.Start(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			next := fakeWrites{event: &c.event, err: c.err}
			if c.err != nil {
				next.event = nil
			}
			hungUp, cancel := context.WithCancel(t.Context())
			cancel() // a caller who hangs up must not silence a write that is done
			for name, write := range everyWrite(events.NewPublisher(next, bus, eventstest.Log(t))) {
				got.Forget()
				if err := write(hungUp); !errors.Is(err, c.err) {
					t.Errorf("%s: error %v", name, err)
				}
				if got.All() != c.want {
					t.Errorf("%s published %q, want %q", name, got.All(), c.want)
				}
			}
		})
	}
}

// TestPublisherAnnouncesBatchesInOrder: whichever caller of a batch comes first announces all its events, in order and once, and no other
// caller goes on before that is done.
func TestPublisherAnnouncesBatchesInOrder(t *testing.T) {
	t.Parallel()
	bus, got := events.NewMemoryBus(), &eventstest.Recorder{}
	if err := bus.Start(t.Context(), got); err != nil {
		t.Fatal(err)
	}
	batch := []*db.Event{
		{ChatID: "c", Seq: 3, Kind: db.MessageSent}, {ChatID: "d", Seq: 7, Kind: db.MessageSent}, {ChatID: "c", Seq: 4, Kind: db.MessageSent},
	}
	db.NewBatch(batch)
	var callers sync.WaitGroup
	for _, event := range slices.Backward(batch) {
		callers.Go(func() {
			_, err := events.NewPublisher(fakeWrites{event: event}, bus, eventstest.Log(t)).SendMessage(t.Context(), "ann", db.NewMessage{})
			if err != nil || got.All() != "c:c@3+event c:d@7+event c:c@4+event" {
				t.Errorf("published %q, %v", got.All(), err)
			}
		})
	}
	callers.Wait()
}

func TestPublisherMarkRead(t *testing.T) {
	t.Parallel()
	for moved, want := range map[bool]string{true: "c:c+READ:ann:7", false: ""} {
		bus, got := events.NewMemoryBus(), &eventstest.Recorder{}
		if err := bus.Start(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		_, _, err := events.NewPublisher(fakeWrites{moved: moved}, bus, eventstest.Log(t)).MarkRead(t.Context(), "ann", "c", 9)
		if err != nil || got.All() != want {
			t.Errorf("moved=%v: published %q, %v; want %q", moved, got.All(), err, want)
		}
	}
}
