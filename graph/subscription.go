package graph

import (
	"context"
	"errors"
	"io"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/graph/model"
)

func (r subscriptionResolver) ChatEvents(ctx context.Context, chatID, after *string) (<-chan model.ChatEvent, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := r.begin(ctx, user, chatID, resumeOr(ctx, after))
	if err != nil {
		return nil, err
	}
	out := make(chan model.ChatEvent)
	go r.pump(ctx, stream, out)
	return out, nil
}

// begin opens the stream, and waits for a database that does not answer, as a stream that runs does. An error would be the
// end of the subscription for its client, who only came back a second too early.
func (r subscriptionResolver) begin(ctx context.Context, user string, chatID, after *string) (stream events.Stream, err error) {
	err = untilAvailable(ctx, func() error {
		stream, err = r.open(ctx, user, chatID, after)
		return err
	})
	if errors.Is(err, events.ErrStopped) {
		Cut(ctx)
	}
	return stream, err
}

// untilAvailable repeats what finds the database not answering, until ctx or this instance ends.
func untilAvailable(ctx context.Context, do func() error) error {
	for wait := 100 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		err := do()
		if db.CodeOf(err) != db.CodeUnavailable || errors.Is(err, events.ErrStopped) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func (r subscriptionResolver) open(ctx context.Context, user string, chatID, after *string) (events.Stream, error) {
	if chatID == nil {
		cursor, err := parseAfter(after, user, db.ParseFeedCursor)
		if err != nil {
			return nil, err
		}
		return r.Live.Feed(ctx, user, cursor)
	}
	id, err := db.ParseID("chatId", *chatID)
	if err != nil {
		return nil, err
	}
	cursor, err := parseAfter(after, id, db.ParseCursor)
	if err != nil {
		return nil, err
	}
	return r.Live.Chat(ctx, user, id, cursor)
}

// parseAfter reads the argument `after`, a cursor of the owner's log or feed. An empty one counts as none, as in pages.
func parseAfter[T any](after *string, owner string, parse func(field, s, owner string) (T, error)) (*T, error) {
	if after == nil || *after == "" {
		return nil, nil
	}
	value, err := parse("after", *after, owner)
	return &value, err
}

// pump hands the stream's items to gqlgen's executor, which owns this goroutine: it cancels ctx when the client is gone
// and reads out until it is closed. The channel has no buffer, so a slow client holds one event and its place.
func (r subscriptionResolver) pump(ctx context.Context, stream events.Stream, out chan<- model.ChatEvent) {
	defer close(out)
	defer stream.Close()
	for {
		item, err := stream.Next(ctx)
		if err != nil {
			r.ended(ctx, err)
			return
		}
		if item.Started != nil {
			tellStart(ctx, item.Cursor)
		}
		event := model.NewChatEvent(item, eventSource(r))
		if event == nil {
			continue
		}
		pushCursor(ctx, item.Cursor)
		select {
		case out <- event:
		case <-ctx.Done():
			return
		}
	}
}

// ended tells the transport how the stream ended. Closing the channel alone would say "complete", and clients believe
// that: a stream that merely broke has to be cut, so that they come back with their cursor.
func (r subscriptionResolver) ended(ctx context.Context, err error) {
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return
	}
	if !errors.Is(err, events.ErrStopped) {
		r.Log.ErrorContext(ctx, "stream broke", "error", err, "requestId", RequestID(ctx))
	}
	Cut(ctx)
}
