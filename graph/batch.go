package graph

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/db"
	"studychat/graph/model"
	"studychat/graph/people"
)

// batch looks objects up by their ids for one answer. The first look-up reads every object that the answer is known to need,
// so the number of reads does not depend on the number of objects, although the executor resolves one field at a time.
type batch[T any] struct {
	reading sync.Mutex // one read at a time; locked before mu, which is free during a read: what it finds may call expect
	mu      sync.Mutex
	wanted  map[string]struct{} // expected, not read yet
	asked   map[string]struct{} // read, found or not
	found   map[string]T
	err     error // of a failed read; the rest of the answer tries again only if model.AskAgain says so
}

// reader reads what a batch needs, as the resolver r.
type reader[T any] func(r *Resolver, ctx context.Context, ids []string) (map[string]T, error)

// expect says that the answer may ask for the object.
func (b *batch[T]) expect(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.want(id)
}

func (b *batch[T]) want(id string) {
	if _, done := b.asked[id]; done {
		return
	}
	if b.wanted == nil {
		b.wanted = map[string]struct{}{}
	}
	b.wanted[id] = struct{}{}
}

// get returns the object; ok is false when it does not exist. It waits for a read that is under way.
func (b *batch[T]) get(ctx context.Context, id string, r *Resolver, read reader[T]) (object T, ok bool, err error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if ids := b.unread(ctx, id); len(ids) > 0 {
		found, err := read(r, ctx, ids)
		b.keep(ids, found, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	object, ok = b.found[id]
	if !ok {
		err = b.err
	}
	return object, ok, err
}

// unread returns the ids to read so that id can be answered: none when id was read before.
func (b *batch[T]) unread(ctx context.Context, id string) (ids []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if model.AsksAgain(ctx) {
		b.err = nil
	}
	b.want(id)
	if _, missing := b.wanted[id]; !missing || b.err != nil {
		return nil
	}
	ids = slices.Collect(maps.Keys(b.wanted))
	if b.asked == nil {
		b.asked, b.wanted = b.wanted, nil
		return ids
	}
	maps.Copy(b.asked, b.wanted)
	clear(b.wanted)
	return ids
}

// keep stores what a read found. The ids of a failed read stay wanted.
func (b *batch[T]) keep(ids []string, found map[string]T, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.found == nil {
		b.found = make(map[string]T, len(found))
	}
	maps.Copy(b.found, found)
	b.err = err
	if err == nil {
		return
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			delete(b.asked, id)
			b.want(id)
		}
	}
}

// readAnew gives each field of a mutation new batches: the fields run one after the other, and each has to see what the
// earlier ones changed.
func readAnew(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		answerFrom(ctx).renew()
	}
	return next(ctx)
}

// batches are what an answer looks up by ids.
type batches struct {
	users     batch[*people.Known]
	modules   batch[*db.Module]
	readMarks batch[map[string]int64]
	replies   batch[*db.Message]
	chats     batch[*model.Chat]

	mu    sync.Mutex
	shown []func() // each expects what some objects of the answer may need
}

// expectLater is for objects that the answer will show: expect finds out what they may need, if the answer looks anything up.
func (b *batches) expectLater(expect func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shown = append(b.shown, expect)
}

// settled is for a look-up. The lock is held meanwhile: another look-up must not go ahead without what is expected.
func (b *batches) settled() *batches {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, expect := range b.shown {
		expect()
	}
	clear(b.shown)
	b.shown = b.shown[:0]
	return b
}
