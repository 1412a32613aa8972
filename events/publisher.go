package events

import (
	"context"
	"log/slog"

	"studychat/db"
)

// publisher pokes after every write. It is a decorator, so that no caller of the repository can forget to publish; and it
// runs after the write was answered, never inside the transaction, so that a slow bus holds no lock and nothing is
// announced that is not committed. A process that dies between the two loses the poke only: the heads tell.
//
// It embeds the reads alone, so a new write does not compile until it is decided here whether it publishes.
type publisher struct {
	db.Reads
	next db.Writes
	bus  Bus
	log  *slog.Logger
}

// NewPublisher decorates next: every write that committed something is announced on bus.
func NewPublisher(next db.Repository, bus Bus, log *slog.Logger) db.Repository {
	return &publisher{Reads: next, next: next, bus: bus, log: log}
}

func (p *publisher) CreateChat(ctx context.Context, viewer string, chat db.NewChat) (*db.Event, error) {
	return p.publish(ctx)(p.next.CreateChat(ctx, viewer, chat))
}

func (p *publisher) RenameChat(ctx context.Context, viewer, id, title string) (*db.Event, error) {
	return p.publish(ctx)(p.next.RenameChat(ctx, viewer, id, title))
}

func (p *publisher) DeleteChat(ctx context.Context, viewer, id string) (*db.Event, error) {
	return p.publish(ctx)(p.next.DeleteChat(ctx, viewer, id))
}

func (p *publisher) TransferChat(ctx context.Context, viewer, id, user string) (*db.Event, error) {
	return p.publish(ctx)(p.next.TransferChat(ctx, viewer, id, user))
}

func (p *publisher) SendMessage(ctx context.Context, viewer string, message db.NewMessage) (*db.Event, error) {
	return p.publish(ctx)(p.next.SendMessage(ctx, viewer, message))
}

func (p *publisher) EditMessage(ctx context.Context, viewer, id, content string) (*db.Event, error) {
	return p.publish(ctx)(p.next.EditMessage(ctx, viewer, id, content))
}

func (p *publisher) DeleteMessage(ctx context.Context, viewer, id string) (*db.Event, error) {
	return p.publish(ctx)(p.next.DeleteMessage(ctx, viewer, id))
}

func (p *publisher) AddMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return p.publish(ctx)(p.next.AddMember(ctx, viewer, chatID, user))
}

func (p *publisher) AddKnownMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return p.publish(ctx)(p.next.AddKnownMember(ctx, viewer, chatID, user))
}

func (p *publisher) RemoveMember(ctx context.Context, viewer, chatID, user string) (*db.Event, error) {
	return p.publish(ctx)(p.next.RemoveMember(ctx, viewer, chatID, user))
}

func (p *publisher) LeaveChat(ctx context.Context, viewer, chatID string) (*db.Event, error) {
	return p.publish(ctx)(p.next.LeaveChat(ctx, viewer, chatID))
}

func (p *publisher) MarkRead(ctx context.Context, viewer, chatID string, seq int64) (int64, bool, error) {
	readSeq, moved, err := p.next.MarkRead(ctx, viewer, chatID, seq)
	if err == nil && moved {
		publishPassing(ctx, p.bus, Passing{Kind: MessagesRead, ChatID: chatID, User: viewer, At: p.Now(), ReadSeq: readSeq})
	}
	return readSeq, moved, err
}

// The writes below change nothing that a stream tells.

func (p *publisher) UpdateViewerState(ctx context.Context, viewer, chatID string, change db.ViewerStateChange) error {
	return p.next.UpdateViewerState(ctx, viewer, chatID, change)
}

func (p *publisher) SawUser(ctx context.Context, id string, claims db.Claims) (*db.User, error) {
	return p.next.SawUser(ctx, id, claims)
}

func (p *publisher) UpsertUser(ctx context.Context, user db.User) error {
	return p.next.UpsertUser(ctx, user)
}

func (p *publisher) PutModule(ctx context.Context, module db.Module) (*db.Module, error) {
	return p.next.PutModule(ctx, module)
}

func (p *publisher) DeleteModule(ctx context.Context, id string) error {
	return p.next.DeleteModule(ctx, id)
}

// publish announces what a write returned and passes it on.
func (p *publisher) publish(ctx context.Context) func(*db.Event, error) (*db.Event, error) {
	return func(event *db.Event, err error) (*db.Event, error) {
		if err != nil || event.Repeated {
			return event, err
		}
		ctx := context.WithoutCancel(ctx) // the write is done: a caller who hangs up must not silence it
		p.log.DebugContext(ctx, "event", "chat", event.ChatID, "seq", event.Seq, "kind", event.Kind)
		p.bus.Publish(ctx, Poke{Topic: ChatTopic(event.ChatID), Epoch: event.Epoch, Seq: event.Seq, Event: event})
		if user := event.Joined(); user != "" {
			p.bus.Publish(ctx, Poke{Topic: UserTopic(user)})
		}
		return event, nil
	}
}

func publishPassing(ctx context.Context, bus Bus, passing Passing) {
	bus.Publish(context.WithoutCancel(ctx), Poke{Topic: ChatTopic(passing.ChatID), Passing: &passing})
}
