package graph

import (
	"context"
	"errors"
	"fmt"
	"io"

	"studychat/db"
	"studychat/events"
	"studychat/graph/model"
)

// ChatEvents is the subscription as gqlgen's executor runs it. Operation.Follow runs it without the channel.
func (r subscriptionResolver) ChatEvents(ctx context.Context, chatID, after *string) (<-chan model.ChatEvent, error) {
	stream, started, err := r.open(ctx, chatID, after)
	if err != nil {
		return nil, err
	}
	out := make(chan model.ChatEvent)
	go r.pump(ctx, stream, started, out)
	return out, nil
}

// open opens the stream that the arguments ask for. started tells the transport from where it goes on, once; if the client says
// where, it was told before the stream was opened: the stream goes on from there as soon as it can.
func (r subscriptionResolver) open(ctx context.Context, chatID, after *string) (stream events.Stream, started func(cursor string), err error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, nil, err
	}
	request := RequestFrom(ctx)
	if request.Resume != "" {
		after = &request.Resume
	}
	open, cursor, err := r.beginning(user, chatID, after)
	if err != nil {
		return nil, nil, err
	}
	told := false
	started = func(cursor string) {
		if cursor != "" && request.Started != nil && !told {
			told = true
			request.Started(cursor)
		}
	}
	started(cursor)
	stream, err = begin(ctx, open)
	return stream, started, err
}

// begin opens the stream, and waits for a database that does not answer, as an open stream does. An error would end the
// subscription of a client that only came back a second too early.
func begin(ctx context.Context, open opener) (stream events.Stream, err error) {
	err = untilAvailable(ctx, func() error {
		stream, err = open(ctx)
		return err
	})
	if errors.Is(err, events.ErrStopped) {
		disconnect(ctx)
	}
	return stream, err
}

// opener opens a stream: that of a chat or the feed, after a cursor or from now on.
type opener func(ctx context.Context) (events.Stream, error)

// beginning reads the arguments. The cursor is "" when the stream begins now.
func (r subscriptionResolver) beginning(user string, chatID, after *string) (open opener, cursor string, err error) {
	if chatID == nil {
		from, cursor, err := parseAfter(after, user, db.ParseFeedCursor)
		return func(ctx context.Context) (events.Stream, error) { return r.Live.Feed(ctx, user, from) }, cursor, err
	}
	id, err := db.ParseID("chatId", *chatID)
	if err != nil {
		return nil, "", err
	}
	from, cursor, err := parseAfter(after, id, db.ParseCursor)
	return func(ctx context.Context) (events.Stream, error) { return r.Live.Chat(ctx, user, id, from) }, cursor, err
}

// parseAfter reads the argument `after`, a cursor of the owner's log or feed, and returns its canonical text too. An empty
// text is not a cursor, as in pages.
func parseAfter[T fmt.Stringer](after *string, owner string, parse func(field, s, owner string) (T, error)) (*T, string, error) {
	if after == nil || *after == "" {
		return nil, "", nil
	}
	value, err := parse("after", *after, owner)
	return &value, value.String(), err
}

// pump passes the stream's items to gqlgen's executor, which owns this goroutine: it cancels ctx when the client is gone, and
// reads out until it is closed. The channel has no buffer, so a slow client costs one event.
func (r subscriptionResolver) pump(ctx context.Context, stream events.Stream, started func(cursor string), out chan<- model.ChatEvent) {
	defer close(out)
	defer stream.Close()
	for {
		item, err := stream.Next(ctx)
		if err != nil {
			r.ended(ctx, err)
			return
		}
		if item.Started != nil {
			started(item.Cursor)
		}
		event := model.NewChatEvent(item, r)
		if event == nil {
			continue
		}
		select {
		case out <- event:
		case <-ctx.Done():
			return
		}
	}
}

// ended tells the transport how the stream ended. Closing the channel alone would send "complete", after which clients stop: a
// stream that failed has to be disconnected, so that they resume from their cursor.
func (r subscriptionResolver) ended(ctx context.Context, err error) {
	if errors.Is(err, io.EOF) || ctx.Err() != nil {
		return
	}
	if !errors.Is(err, events.ErrStopped) {
		r.outcomes.StreamFailed(ctx, originOf(ctx), err)
	}
	disconnect(ctx)
}
