package graph

import "context"

type cutKey struct{}

// WithCut lets a transport say how its connection is cut: closed so that the client sees a failure that it may retry,
// and nothing that looks like an orderly end is written any more.
func WithCut(ctx context.Context, cut func()) context.Context {
	return context.WithValue(ctx, cutKey{}, cut)
}

// Cut cuts the connection that ctx belongs to.
func Cut(ctx context.Context) {
	if cut, ok := ctx.Value(cutKey{}).(func()); ok {
		cut()
	}
}
