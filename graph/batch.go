package graph

import (
	"context"
	"maps"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"studychat/graph/model"
)

// batch looks objects up by their ids for one answer. The first look-up reads every object that the answer is known to need,
// so the number of reads does not depend on the number of objects, although the executor resolves one field at a time.
type batch[T any] struct {
	read func(ctx context.Context, ids []string) (map[string]T, error)

	reading sync.Mutex // one read at a time; locked before mu, which is free during a read: what it finds may call expect
	mu      sync.Mutex
	wanted  map[string]struct{} // expected, not read yet
	found   map[string]T
	asked   map[string]struct{} // read, found or not
	err     error               // of a failed read; the rest of the answer tries again only if model.AskAgain says so
}

// expect says that the answer may ask for these objects.
func (b *batch[T]) expect(ids ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.want(ids)
}

func (b *batch[T]) want(ids []string) {
	for _, id := range ids {
		if _, done := b.asked[id]; !done {
			b.wanted[id] = struct{}{}
		}
	}
}

// get returns the object; ok is false when it does not exist. It waits for a read that is under way.
func (b *batch[T]) get(ctx context.Context, id string) (object T, ok bool, err error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if ids := b.unread(ctx, id); len(ids) > 0 {
		found, err := b.read(ctx, ids)
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
	b.want([]string{id})
	if _, missing := b.wanted[id]; !missing || b.err != nil {
		return nil
	}
	for id := range b.wanted {
		ids = append(ids, id)
		b.asked[id] = struct{}{}
	}
	clear(b.wanted)
	return ids
}

// keep stores what a read found. The ids of a failed read stay wanted.
func (b *batch[T]) keep(ids []string, found map[string]T, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	maps.Copy(b.found, found)
	b.err = err
	if err == nil {
		return
	}
	for _, id := range ids {
		if _, ok := found[id]; !ok {
			delete(b.asked, id)
			b.wanted[id] = struct{}{}
		}
	}
}

// readAnew gives each field of a mutation new batches: the fields run one after the other, and each has to see what the
// earlier ones changed.
func readAnew(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Mutation {
		answerFrom(ctx).batches.Clear()
	}
	return next(ctx)
}

// batchOf returns the answer's batch of that name, which reads by read.
func batchOf[T any](ctx context.Context, name string, read func(ctx context.Context, ids []string) (map[string]T, error)) *batch[T] {
	all := &answerFrom(ctx).batches
	shared, ok := all.Load(name)
	if !ok {
		shared, _ = all.LoadOrStore(name, &batch[T]{read: read, wanted: map[string]struct{}{}, found: map[string]T{}, asked: map[string]struct{}{}})
	}
	b, _ := shared.(*batch[T])
	return b
}
