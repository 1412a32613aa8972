package limits

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/sync/semaphore"

	"studychat/db"
)

// MaxAnswerBytes bounds the text of one answer (in a stream: of one event) and, separately, the text of the messages that
// are read for it: a client may read pages for their cursors alone, and select one message under many names. In bytes of
// UTF-8, without what JSON adds. MaxCost cannot bound this, since a message has from 1 to 64,000 bytes, and clients that
// ask for full pages of short messages must not pay for long ones.
const MaxAnswerBytes = 8 << 20

// MaxReading is how many messages the reads for one answer may fetch at the same time: eight of the largest pages. A read
// is counted only after it returned, so reads exceed MaxAnswerBytes by what they fetch at once, at most 51 MB.
const MaxReading = 8 * db.MaxPage

// Budget counts the text of one answer. It is safe for concurrent use, as fields are resolved.
type Budget struct {
	text, read atomic.Int64

	begun   sync.Once           // many answers read no message
	reading *semaphore.Weighted // in messages
}

// NewBudget is the budget of a new answer.
func NewBudget() *Budget { return &Budget{} }

// Exceeded is an error when the answer has too much text.
func (b *Budget) Exceeded() *gqlerror.Error { return tooMuchText(b.text.Load()) }

// Add counts the text of a field on its way into the answer, so that each copy counts: content under several names, messages
// under several names, in queries, mutations and events alike.
func (b *Budget) Add(bytes int) *gqlerror.Error { return tooMuchText(b.text.Add(int64(bytes))) }

// Read runs a read of at most the given number of messages, and counts the bytes of text that it returns. The read is
// refused when the answer has too much text already. It waits, until ctx ends, while other reads fetch MaxReading messages.
func (b *Budget) Read(ctx context.Context, messages int, read func() (bytes int, err error)) error {
	weight := int64(min(max(messages, 1), MaxReading))
	b.begun.Do(func() { b.reading = semaphore.NewWeighted(MaxReading) })
	if !b.reading.TryAcquire(weight) { // asking ctx for its end makes a timer
		if err := b.reading.Acquire(ctx, weight); err != nil {
			return err
		}
	}
	defer b.reading.Release(weight)
	if err := tooMuchText(max(b.text.Load(), b.read.Load())); err != nil {
		return err
	}
	bytes, err := read()
	if err != nil {
		return err
	}
	if err := tooMuchText(b.read.Add(int64(bytes))); err != nil {
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

// ContentBytes is how much text messages hold; nil ones hold none.
func ContentBytes(messages ...*db.Message) (n int) {
	for _, message := range messages {
		if message != nil {
			n += len(message.Content)
		}
	}
	return n
}
