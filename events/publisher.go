package events

import (
	"context"
	"log/slog"

	"studychat/db"
)

// publisher announces every write. It is a decorator, so that no caller of the repository can forget to publish. It publishes
// after the write was answered, never inside the transaction, so that a slow bus holds no lock and only committed events are
// announced. A process that dies between the two loses just the notification: sweeps of the heads find the event.
//
// It embeds the reads alone, so that a new write does not compile until it is decided here whether it publishes.
type publisher struct {
	db.Reads
	next db.Writes
	bus  Bus
	log  *slog.Logger
}

// NewPublisher decorates next: it announces every write that committed something on bus.
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
		PublishEphemeral(ctx, p.bus, Ephemeral{Kind: MessagesRead, ChatID: chatID, User: viewer, At: p.Now(), ReadSeq: readSeq})
	}
	return readSeq, moved, err
}

// Streams do not tell what the writes below change.

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

// publish announces the event that a write returned, with those that were committed together with it, and returns it.
func (p *publisher) publish(ctx context.Context) func(*db.Event, error) (*db.Event, error) {
	return func(event *db.Event, err error) (*db.Event, error) {
		if err != nil || event.Repeated {
			return event, err
		}
		ctx := context.WithoutCancel(ctx) // the write is done: it is announced even if the caller has hung up
		if event.Batch == nil {
			p.announce(ctx, event)
		} else {
			event.Batch.Announce(func(event *db.Event) { p.announce(ctx, event) })
		}
		return event, nil
	}
}

func (p *publisher) announce(ctx context.Context, event *db.Event) {
	p.log.DebugContext(ctx, "event", "chat", event.ChatID, "seq", event.Seq, "kind", event.Kind)
	p.bus.Publish(ctx, Notification{Topic: ChatTopic(event.ChatID), Epoch: event.Epoch, Seq: event.Seq, Event: event})
	if user := event.Joined(); user != "" {
		p.bus.Publish(ctx, Notification{Topic: UserTopic(user)})
	}
}

// PublishEphemeral announces an ephemeral event, even if the caller has hung up.
func PublishEphemeral(ctx context.Context, bus Bus, ephemeral Ephemeral) {
	bus.Publish(context.WithoutCancel(ctx), Notification{Topic: ChatTopic(ephemeral.ChatID), Ephemeral: &ephemeral})
}
