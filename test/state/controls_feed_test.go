package state

import (
	"context"
	"testing"
	"time"

	"studychat/db"
)

// tornReads answers what a chat's log holds for a viewer from two moments: membership from the first, and from the second how far the
// log reaches.
type tornReads struct{ db.Repository }

func newTornReads(store db.Repository) db.Repository { return tornReads{store} }

func (r tornReads) Standing(ctx context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	first, err := r.Repository.Standing(ctx, viewer, chatID, place)
	if err != nil {
		return nil, err
	}
	if err := pause(ctx, 100*time.Millisecond); err != nil {
		return nil, db.Unavailable(err)
	}
	second, err := r.Repository.Standing(ctx, viewer, chatID, place)
	if err != nil {
		return nil, err
	}
	torn := *second
	torn.Member, torn.JoinedSeq, torn.Removed = first.Member, first.JoinedSeq, first.Removed
	return &torn, nil
}

func TestControlTornReadsAreCaught(t *testing.T) {
	t.Parallel()
	kinds := caught(t, parts{streams: realHub, cache: realCache, reads: newTornReads}, func(r *run) { r.churn = true })
	mustCatch(t, kinds, "missed", 3)
}

// TestControlLyingHorizonIsCaught has a horizon that does not wait for the transactions under way.
func TestControlLyingHorizonIsCaught(t *testing.T) {
	t.Parallel()
	kinds := caught(t, realParts(), func(r *run) {
		r.pace, r.long = 2*slowPace, .5
		r.world.(*memoryWorld).model.lies = true
	})
	mustCatch(t, kinds, "missed", 3)
}

// hastyClock tells a feed that everything up to now is committed, and cancels the overlap of the feed.
type hastyClock struct{ db.Repository }

func newHastyClock(store db.Repository) db.Repository { return hastyClock{store} }

func (c hastyClock) Horizon() time.Time { return c.Repository.Horizon().Add(2 * db.FeedOverlap) }

func TestControlHorizonAheadIsCaught(t *testing.T) {
	t.Parallel()
	kinds := caught(t, parts{streams: realHub, cache: realCache, reads: newHastyClock}, func(r *run) { r.pace = slowPace })
	mustCatch(t, kinds, "missed", controlRuns/2)
}
