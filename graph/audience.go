package graph

import (
	"context"
	"encoding/json"
	"reflect"
	"runtime"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/auth"
	"studychat/events"
	"studychat/graph/model"
	"studychat/graph/plan"
)

// batchBytes is how many bytes of answers a batch has before it ends. An outbox must have room for a whole batch.
const batchBytes = 16 << 10

// audience is what the subscribers of a group have in common: the plan, the variables without the cursor, and what they may see. It
// renders events, for one of them or for all.
type audience struct {
	key      audienceKey
	plan     *plan.Plan
	name     string // of the operation
	vars     map[string]any
	resolver subscriptionResolver
	viewer   auth.Viewer // of a group that has a viewer
	request  Request     // of one of the subscribers: the id is in logs
}

var _ events.Audience = (*audience)(nil)

type audienceKey struct {
	plan   *plan.Plan
	vars   string
	viewer string // "": the group is of all viewers
}

// usualEvent is the type of most events. If what is selected of it depends on the viewer, each viewer has a group. If not, all
// viewers share one, and events of other types that depend on the viewer are rendered for each subscriber alone.
const usualEvent = "MessageSent"

func newAudience(ctx context.Context, o *Operation, p *plan.Plan, r subscriptionResolver) *audience {
	a := &audience{plan: p, name: o.Definition.Name, vars: o.variables, resolver: r}
	a.key = audienceKey{plan: p, vars: o.WithoutCursor(o.variables)}
	if p.ViewerDependentOn(usualEvent) {
		a.viewer, _ = auth.FromContext(ctx)
		a.key.viewer = a.viewer.ID
	}
	a.request = Request{ID: RequestFrom(ctx).ID}
	return o.executor.audiences.shared(a)
}

// audiences has each audience once as long as somebody uses it: thousands of subscribers then hold one set of variables.
type audiences struct {
	mu    sync.Mutex
	known map[audienceKey]weak.Pointer[audience]
}

// shared returns the audience with the key of a that is in use, or a.
func (s *audiences) shared(a *audience) *audience {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[a.key].Value(); known != nil {
		return known
	}
	s.known[a.key] = weak.Make(a)
	runtime.AddCleanup(a, s.forget, a.key)
	return a
}

func (s *audiences) forget(key audienceKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key].Value() == nil { // else another one has taken its place
		delete(s.known, key)
	}
}

// Key implements events.Audience.
func (a *audience) Key() any { return a.key }

// Render implements events.Audience. Without a viewer in the context, a field that needs one would fail rather than show one viewer's
// data to another.
func (a *audience) Render(ctx context.Context, items []events.Item) (any, int) {
	var late atomic.Bool
	request := a.request
	request.late = &late
	ctx = WithRequest(ctx, request)
	if a.key.viewer != "" {
		ctx = auth.WithViewer(ctx, a.viewer)
	}
	batch, n, size := &Batch{}, 0, 0
	for ; n < len(items) && size < batchBytes; n++ {
		event := model.NewChatEvent(items[n], a.resolver)
		if event == nil {
			continue
		}
		if a.key.viewer == "" && a.plan.ViewerDependentOn(typeName(event)) {
			break
		}
		answer := a.render(ctx, items[n].Cursor, event)
		if late.Load() || ctx.Err() != nil {
			break
		}
		batch.Answers = append(batch.Answers, answer)
		size += len(answer.Payload)
	}
	if len(batch.Answers) == 0 {
		return nil, n
	}
	return batch, n
}

// answer renders an item for one subscriber. shown is false for an event of a kind that this version does not know.
func (a *audience) answer(ctx context.Context, item events.Item) (answer Answer, shown bool) {
	event := model.NewChatEvent(item, a.resolver)
	if event == nil {
		return Answer{}, false
	}
	return a.render(ctx, item.Cursor, event), true
}

func (a *audience) render(ctx context.Context, cursor string, event model.ChatEvent) Answer {
	const begin = `{"data":`
	payload, errs := a.plan.RenderEvent(ctx, a.vars, event, append(make([]byte, 0, 512), begin...))
	if len(errs) > 0 {
		a.resolver.errors.add(errs)
		errs = withRequest(errs, RequestFrom(ctx).ID)
		a.resolver.outcomes.Failed(ctx, originOf(ctx), errs)
		return Answer{Payload: failedPayload(payload[len(begin):], errs), Cursor: cursor}
	}
	return Answer{Payload: append(payload, '}'), Cursor: cursor}
}

// failedPayload is the payload of an event in which something failed (GraphQL, September 2025, 7.1).
func failedPayload(data []byte, errs gqlerror.List) []byte {
	text, _ := json.Marshal(errs) // of our own making: they always encode
	payload := append([]byte(`{"errors":`), text...)
	payload = append(payload, `,"data":`...)
	return append(append(payload, data...), '}')
}

// typeName is the event's type in the schema, which has the name of its Go type.
func typeName(event model.ChatEvent) string { return reflect.TypeOf(event).Name() }
