package graph

import (
	"context"

	"studychat/events"
)

// WithTransport lets a transport name itself, for the counts of streams: "websocket", "sse".
func WithTransport(ctx context.Context, name string) context.Context {
	return events.WithTransport(ctx, name)
}
