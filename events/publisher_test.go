package events_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
)

// fakeWrites answers every write with one event.
type fakeWrites struct {
	db.Repository

	event *db.Event
	err   error
	moved bool
}

func (fakeWrites) Now() time.Time { return time.Now() }

func (f fakeWrites) answer() (*db.Event, error) { return f.event, f.err }

func (f fakeWrites) CreateChat(context.Context, string, db.NewChat) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) RenameChat(context.Context, string, string, string) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) DeleteChat(context.Context, string, string) (*db.Event, error) { return f.answer() }
func (f fakeWrites) SendMessage(context.Context, string, db.NewMessage) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) EditMessage(context.Context, string, string, string) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) DeleteMessage(context.Context, string, string) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) AddMember(context.Context, string, string, string) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) RemoveMember(context.Context, string, string, string) (*db.Event, error) {
	return f.answer()
}
func (f fakeWrites) LeaveChat(context.Context, string, string) (*db.Event, error) { return f.answer() }
func (f fakeWrites) MarkRead(context.Context, string, string, int64) (int64, bool, error) {
	return 7, f.moved, f.err
}

// every write of the repository, by name.
func everyWrite(p db.Repository) map[string]func(context.Context) error {
	one := func(_ *db.Event, err error) error { return err }
	return map[string]func(context.Context) error{
		"CreateChat":    func(ctx context.Context) error { return one(p.CreateChat(ctx, "ann", db.NewChat{})) },
		"RenameChat":    func(ctx context.Context) error { return one(p.RenameChat(ctx, "ann", "c", "t")) },
		"DeleteChat":    func(ctx context.Context) error { return one(p.DeleteChat(ctx, "ann", "c")) },
		"SendMessage":   func(ctx context.Context) error { return one(p.SendMessage(ctx, "ann", db.NewMessage{})) },
		"EditMessage":   func(ctx context.Context) error { return one(p.EditMessage(ctx, "ann", "m", "x")) },
		"DeleteMessage": func(ctx context.Context) error { return one(p.DeleteMessage(ctx, "ann", "m")) },
		"AddMember":     func(ctx context.Context) error { return one(p.AddMember(ctx, "ann", "c", "bob")) },
		"RemoveMember":  func(ctx context.Context) error { return one(p.RemoveMember(ctx, "ann", "c", "bob")) },
		"LeaveChat":     func(ctx context.Context) error { return one(p.LeaveChat(ctx, "ann", "c")) },
	}
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
		{"and to whoever is added", db.Event{ChatID: "c", Seq: 2, Kind: db.MemberAdded, Member: &db.Member{UserID: "bob"}}, nil, "c:c@2+event u:bob"},
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
