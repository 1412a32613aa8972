package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"studychat/db"
)

// fakeWrites answers every write with one event.
type fakeWrites struct {
	db.Repository

	event *db.Event
	err   error
	moved bool
}

func (fakeWrites) Now() time.Time { return now() }

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

// recorder is a sink that notes the pokes, a word each.
type recorder struct {
	mu    sync.Mutex
	words []string
	gaps  []int
	seen  []State
}

func (r *recorder) Poked(p Poke) {
	r.mu.Lock()
	defer r.mu.Unlock()
	word := string(p.Topic)
	if p.Seq > 0 {
		word += fmt.Sprint("@", p.Seq)
	}
	if p.Event != nil {
		word += "+event"
	}
	if p.Passing != nil {
		word += fmt.Sprint("+", p.Passing.Kind, ":", p.Passing.User, ":", p.Passing.ReadSeq)
	}
	r.words = append(r.words, word)
}

func (r *recorder) Gap(partition int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gaps = append(r.gaps, partition)
}

func (r *recorder) StateChanged(s State) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, s)
}

func (r *recorder) all() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.words, " ")
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

func TestPublisherPokesAfterEveryWrite(t *testing.T) {
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
			bus, got := NewMemoryBus(), &recorder{}
			if err := bus.Start(t.Context(), got); err != nil {
				t.Fatal(err)
			}
			next := fakeWrites{event: &c.event, err: c.err}
			if c.err != nil {
				next.event = nil
			}
			hungUp, cancel := context.WithCancel(t.Context())
			cancel() // a caller who hangs up must not silence a write that is done
			for name, write := range everyWrite(NewPublisher(next, bus, testLog(t))) {
				got.words = nil
				if err := write(hungUp); !errors.Is(err, c.err) {
					t.Errorf("%s: error %v", name, err)
				}
				if got.all() != c.want {
					t.Errorf("%s published %q, want %q", name, got.all(), c.want)
				}
			}
		})
	}
}

func TestPublisherMarkRead(t *testing.T) {
	t.Parallel()
	for moved, want := range map[bool]string{true: "c:c+READ:ann:7", false: ""} {
		bus, got := NewMemoryBus(), &recorder{}
		if err := bus.Start(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		_, _, err := NewPublisher(fakeWrites{moved: moved}, bus, testLog(t)).MarkRead(t.Context(), "ann", "c", 9)
		if err != nil || got.all() != want {
			t.Errorf("moved=%v: published %q, %v; want %q", moved, got.all(), err, want)
		}
	}
}
