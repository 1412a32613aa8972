package hub

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"studychat/db"
	"studychat/events"
	"studychat/events/eventstest"
	"studychat/test/services"
)

// farReads is a database that the feed's own questions need that long to reach, and its answers to come back.
type farReads struct {
	db.EventReads
	away time.Duration
}

func (r farReads) travel() { <-time.After(r.away) }

func (r farReads) Standing(ctx context.Context, viewer, chatID string, place db.FeedPlace) (*db.Standing, error) {
	r.travel()
	defer r.travel()
	return r.EventReads.Standing(ctx, viewer, chatID, place)
}

func (r farReads) FeedHeads(ctx context.Context, viewer string, since *time.Time) ([]db.Head, error) {
	r.travel()
	defer r.travel()
	return r.EventReads.FeedHeads(ctx, viewer, since)
}

// TestStoreFeedChurn removes bob from chats and adds him again, mostly at once, and deletes the chats: his feed tells each membership
// in order.
func TestStoreFeedChurn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  string
		away time.Duration
	}{
		"SQLite":                     {"sqlite:" + filepath.Join(t.TempDir(), "test.db"), 0},
		"PostgreSQL":                 {services.Postgres(t), 0},
		"PostgreSQL that is far off": {services.Postgres(t), 15 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := eventstest.Within(t, time.Minute)
			store, bus := openStore(t, c.url), events.NewMemoryBus()
			hub := New(farReads{store, c.away}, bus, events.NewMemoryRegistry(), eventstest.Log(t))
			if err := hub.Start(ctx); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(hub.Stop)
			s, err := hub.Feed(ctx, "bob", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			churns, byChat := make([]*storeChurn, 3), map[string]*storeChurn{}
			var churning sync.WaitGroup
			for i := range churns {
				churn := &storeChurn{t: t, repo: events.NewPublisher(store, bus, eventstest.Log(t)), chat: db.NewID(), told: make(chan struct{}), waits: i > 0}
				churns[i], byChat[churn.chat] = churn, churn
				churning.Go(func() { churn.run(ctx) })
			}
			got := map[string][]int64{}
			for deletions := 0; deletions < len(churns); {
				item, err := s.Next(ctx)
				if err != nil {
					t.Errorf("%d of %d deletions came: %v", deletions, len(churns), err)
					break
				}
				if e := item.Event; e != nil {
					got[e.ChatID] = append(got[e.ChatID], e.Seq)
					switch {
					case e.Kind == db.ChatDeleted:
						deletions++
					case e.Seq == churnLast:
						close(byChat[e.ChatID].told)
					}
				}
			}
			churning.Wait()
			for _, churn := range churns {
				churn.expect(got[churn.chat])
			}
		})
	}
}

const (
	churnRounds = 40
	churnLast   = 1 + 4*churnRounds + 1 // number of the last event before the deletion
)

// storeChurn is one chat, and what bob has to be told of it.
type storeChurn struct {
	t     *testing.T
	repo  db.Repository
	chat  string
	want  []int64
	told  chan struct{} // closed when all but the deletion was told
	waits bool          // for that, before the chat is deleted
}

func (c *storeChurn) run(ctx context.Context) {
	told := func(event *db.Event, err error) {
		if err != nil {
			c.t.Error(err)
			return
		}
		c.want = append(c.want, event.Seq)
	}
	quiet := func(_ *db.Event, err error) {
		if err != nil {
			c.t.Error(err)
		}
	}
	quiet(c.repo.CreateChat(ctx, "ann", db.NewChat{ID: c.chat, Title: "T"}))
	for range churnRounds {
		told(c.repo.AddMember(ctx, "ann", c.chat, "bob"))
		told(c.repo.SendMessage(ctx, "ann", newMessage(c.chat, "for bob")))
		c.pause()
		told(c.repo.RemoveMember(ctx, "ann", c.chat, "bob"))
		c.pause()
		quiet(c.repo.SendMessage(ctx, "ann", newMessage(c.chat, "not for bob")))
	}
	told(c.repo.AddMember(ctx, "ann", c.chat, "bob"))
	if c.waits {
		select {
		case <-c.told:
		case <-ctx.Done():
		}
	}
	told(c.repo.DeleteChat(ctx, "ann", c.chat))
}

func (c *storeChurn) pause() {
	if rand.N(3) == 0 {
		<-time.After(rand.N(50 * time.Millisecond))
	}
}

// expect compares with what came. Of a chat that was deleted at once, what was not told yet need not come, but for ends.
func (c *storeChurn) expect(got []int64) {
	c.t.Helper()
	left := c.want
	if !c.waits {
		told := 0
		for told < min(len(got), len(c.want)) && got[told] == c.want[told] {
			told++
		}
		ends := func(seq int64) bool { return seq%4 == 0 || seq > churnLast }
		left = slices.DeleteFunc(slices.Clone(c.want), func(seq int64) bool { return !slices.Contains(c.want[:told], seq) && !ends(seq) })
	}
	if !slices.Equal(got, left) {
		c.t.Errorf("bob got %v, want %v", got, left)
	}
}
