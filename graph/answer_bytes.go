package graph

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/sync/semaphore"

	"studychat/db"
)

// MaxAnswerBytes bounds the text of one answer (of one event, in a stream), and apart from that the text of the messages
// that are read for it: pages may be read for their cursors alone, and one message may stand in the answer under many
// names. In bytes of UTF-8, without what JSON adds. MaxCost cannot bound this, since a message has from 1 to 64,000
// bytes, and clients that ask for whole pages of short ones must not pay for long ones.
const MaxAnswerBytes = 8 << 20

// maxReading is how many messages the reads for one answer may fetch at the same time: eight of the largest pages. What
// is read can be counted only when it is there, so this (51 MB at worst) is how far reads exceed MaxAnswerBytes.
const maxReading = 8 * db.MaxPage

// Texts up to plainText bytes are not counted: ids, cursors, names. MaxCost bounds how many of them there are.
const plainText = 64

// memberBytes is what a member counts in an answer whatever is asked of it: a chat may have fifty times as many as
// MaxCost takes for usual.
const memberBytes = 128

// answerState is what the fields of one answer share: counts of what it holds, and look-ups.
type answerState struct {
	text, read atomic.Int64
	reading    *semaphore.Weighted // in messages

	batches batches
}

func newAnswer() *answerState {
	return &answerState{reading: semaphore.NewWeighted(maxReading)}
}

type answerKey struct{}

// answerFrom is the answer that ctx belongs to; outside of our executor, one that nothing shares.
func answerFrom(ctx context.Context) *answerState {
	if a, ok := ctx.Value(answerKey{}).(*answerState); ok {
		return a
	}
	return newAnswer()
}

// boundAnswer gives each answer a count of its own. What had too much text is dropped whole: which fields were the ones
// too many is chance, since they run at the same time, and an error for each would be a large answer again.
func boundAnswer(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	answer := newAnswer()
	response := next(context.WithValue(ctx, answerKey{}, answer))
	if response == nil {
		return nil
	}
	if err := tooMuchText(answer.text.Load()); err != nil {
		return &graphql.Response{Data: []byte("null"), Errors: gqlerror.List{err}}
	}
	return response
}

// countText counts the text of each field on its way into the answer, so that each copy counts: content under several
// names, messages under several names, in queries, mutations and events alike.
func countText(ctx context.Context, next graphql.Resolver) (any, error) {
	value, err := resolve(ctx, next)
	if n := textBytes(value); n > 0 && err == nil {
		if refused := tooMuchText(answerFrom(ctx).text.Add(int64(n))); refused != nil {
			return nil, refused
		}
	}
	return value, err
}

func textBytes(value any) (n int) {
	switch v := value.(type) {
	case string:
		n = len(v)
	case *string:
		if v != nil {
			n = len(*v)
		}
	case []string:
		for _, text := range v {
			n += len(text)
		}
	case []*db.Member:
		n = memberBytes * len(v)
	case []*db.User:
		n = memberBytes * len(v)
	}
	if n <= plainText {
		return 0
	}
	return n
}

// reads runs a read of at most the given number of messages and counts the bytes of text that came of it. It is refused
// when the answer has too much already; it waits, until ctx ends, while too much is being read.
func (a *answerState) reads(ctx context.Context, messages int, read func() (bytes int, err error)) error {
	weight := int64(min(max(messages, 1), maxReading))
	if err := a.reading.Acquire(ctx, weight); err != nil {
		return err
	}
	defer a.reading.Release(weight)
	if err := tooMuchText(max(a.text.Load(), a.read.Load())); err != nil {
		return err
	}
	bytes, err := read()
	if err != nil {
		return err
	}
	if err := tooMuchText(a.read.Add(int64(bytes))); err != nil {
		return err
	}
	return nil
}

// tooMuchText is nil within the limit.
func tooMuchText(value int64) *gqlerror.Error {
	if value <= MaxAnswerBytes {
		return nil
	}
	return refusal("The answer would hold too much text: ask for smaller pages.", MaxAnswerBytes, int(value))
}

func contentBytes(messages ...*db.Message) (n int) {
	for _, message := range messages {
		if message != nil {
			n += len(message.Content)
		}
	}
	return n
}
