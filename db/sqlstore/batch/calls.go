package batch

import (
	"context"
	"time"
)

// Limit is the context of a  It ends when the oldest of the calls has taken most, and has the values of the first one's.
func Limit(calls []*Call, most time.Duration) (context.Context, context.CancelFunc) {
	oldest := calls[0].Began
	for _, call := range calls {
		if call.Began.Before(oldest) {
			oldest = call.Began
		}
	}
	return context.WithDeadline(context.WithoutCancel(calls[0].Item.Ctx), oldest.Add(most))
}

// Fail gives the calls without an outcome an error. A refusal and a repeat are an outcome whatever happens to the transaction.
func Fail(calls []*Call, err error) {
	for _, call := range calls {
		if item := call.Item; item.Err == nil && (item.Event == nil || !item.Event.Repeated) {
			item.Event, item.Err = nil, err
		}
	}
}
