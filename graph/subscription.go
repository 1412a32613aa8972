package graph

import (
	"context"
	"errors"
	"io"
	"sync"

	"studychat/db"
	"studychat/events"
	"studychat/graph/model"
)

func (r subscriptionResolver) ChatEvents(ctx context.Context, chatID, after *string) (<-chan model.ChatEvent, error) {
	user, err := viewer(ctx)
	if err != nil {
		return nil, err
	}
	request := RequestFrom(ctx)
	if request.Resume != "" {
		after = &request.Resume
	}
	from, err := beginningOf(user, chatID, after)
	if err != nil {
		return nil, err
	}
	var once sync.Once
	started := func(cursor string) {
		if cursor != "" && request.Started != nil {
			once.Do(func() { request.Started(cursor) })
		}
	}
	started(from.cursor()) // the stream goes on from there, as soon as it can
	stream, err := r.begin(ctx, user, from)
	if err != nil {
		return nil, err
	}
	out := make(chan model.ChatEvent)
	go r.pump(ctx, stream, started, out)
	return out, nil
}

// begin opens the stream, and waits for a database that does not answer, as an open stream does. An error would end the
// subscription of a client that only came back a second too early.
func (r subscriptionResolver) begin(ctx context.Context, user string, from beginning) (stream events.Stream, err error) {
	err = untilAvailable(ctx, func() error {
		stream, err = r.open(ctx, user, from)
		return err
	})
	if errors.Is(err, events.ErrStopped) {
		disconnect(ctx)
	}
	return stream, err
}

func (r subscriptionResolver) open(ctx context.Context, user string, from beginning) (events.Stream, error) {
	if from.chatID == "" {
		return r.Live.Feed(ctx, user, from.inFeed)
	}
	return r.Live.Chat(ctx, user, from.chatID, from.inChat)
}

// beginning is where a stream begins: in a chat or in the feed, after a cursor or now.
type beginning struct {
	chatID string // "" is the feed
	inChat *db.Cursor
	inFeed *db.FeedCursor
}

func beginningOf(user string, chatID, after *string) (from beginning, err error) {
	if chatID == nil {
		from.inFeed, err = parseAfter(after, user, db.ParseFeedCursor)
		return from, err
	}
	if from.chatID, err = db.ParseID("chatId", *chatID); err != nil {
		return from, err
	}
	from.inChat, err = parseAfter(after, from.chatID, db.ParseCursor)
	return from, err
}

// cursor is "" when the stream begins now.
func (b beginning) cursor() string {
	switch {
	case b.inChat != nil:
		return b.inChat.String()
	case b.inFeed != nil:
		return b.inFeed.String()
	}
	return ""
}

// parseAfter reads the argument `after`, a cursor of the owner's log or feed. An empty text is not a cursor, as in pages.
func parseAfter[T any](after *string, owner string, parse func(field, s, owner string) (T, error)) (*T, error) {
	if after == nil || *after == "" {
		return nil, nil
	}
	value, err := parse("after", *after, owner)
	return &value, err
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
		event := model.NewChatEvent(item, eventSource(r))
		if event == nil {
			continue
		}
		RequestFrom(ctx).Cursors.push(ctx, item.Cursor)
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
		r.Log.ErrorContext(ctx, "stream failed", "error", err, "requestId", RequestFrom(ctx).ID)
	}
	disconnect(ctx)
}
