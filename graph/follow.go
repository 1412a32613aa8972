package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Subscription delivers the answers of one subscription to its sink, until Stop.
type Subscription struct {
	cancel context.CancelFunc
	tasks  sync.WaitGroup // what calls the sink
}

// Follow starts a subscription. It returns when it is settled where the subscription goes on, after Request.Started was called;
// a refusal is an answer without data. Until then ctx bounds it. From ctx the subscription keeps the viewer and the Request for
// as long as it lasts, but not the end: that is Stop, which must be called once the subscription is not needed, also after Sink.End.
//
// The sink may be called before Follow has returned. Neither the sink's methods nor Request.Disconnect may call Stop, which waits for
// them; nor may the caller of Stop hold a lock that they take.
func (o *Operation) Follow(ctx context.Context, sink Sink) (*Subscription, *graphql.Response) {
	request := RequestFrom(ctx)
	request.Cursors = NewCursors()
	outer := ctx
	ctx, cancel := context.WithCancel(context.WithoutCancel(WithRequest(ctx, request)))
	given := context.AfterFunc(outer, cancel)
	next := o.Stream(ctx)
	first := next()
	given()
	if first != nil && len(first.Errors) > 0 && len(first.Data) == 0 {
		cancel()
		return nil, first
	}
	s := &Subscription{cancel: cancel}
	s.tasks.Go(func() {
		for answer := first; answer != nil; answer = next() {
			if sink.Put(ctx, Answer{Payload: payload(answer), Cursor: request.Cursors.Next()}) != nil {
				return
			}
		}
		if ctx.Err() == nil {
			sink.End()
		}
	})
	return s, nil
}

// Stop ends the subscription. When it returns, nothing calls the sink any more. It is idempotent.
func (s *Subscription) Stop() {
	s.cancel()
	s.tasks.Wait()
}

// payload is the answer as it is sent (GraphQL, September 2025, 7.1).
func payload(answer *graphql.Response) []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(answer.Errors) > 0 {
		b.WriteString(`"errors":`)
		_ = json.NewEncoder(&b).Encode(answer.Errors) // errors of our own: they always encode
		b.Truncate(b.Len() - 1)
		b.WriteByte(',')
	}
	b.WriteString(`"data":`)
	if len(answer.Data) == 0 {
		b.WriteString("null")
	}
	b.Write(answer.Data)
	b.WriteByte('}')
	return b.Bytes()
}
