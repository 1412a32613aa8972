package torture

import (
	"context"
	"fmt"
	"sync"
	"time"

	"studychat/db"
)

const (
	herdReaders = 500
	herdLoads   = 3
)

// herd makes 500 readers request a chat that is not cached at the same time. Each instance may read the database once.
func herd(r *record) {
	r.Load = fmt.Sprintf("%d readers at once, 3 instances in one process", herdReaders)
	r.Fault = "a cold key, 10 times; database reads of 0 to 40 ms"
	stacks, _, server := newStacks(r, stacking{delay: delays{load: 20 * time.Millisecond}})
	client := admin(r, server.Addr())
	chat := db.NewID()
	_, err := stacks[0].repo.CreateChat(r.Context(), "ann", db.NewChat{ID: chat, Title: "Cold"})
	r.must(err)
	var loads []int64
	var all []time.Duration
	for range 10 {
		r.must(client.FlushDB(r.Context()).Err())
		before := countLoads(stacks)
		all = append(all, stampede(r, stacks, chat)...)
		loads = append(loads, countLoads(stacks)-before)
	}
	most := int64(0)
	for _, n := range loads {
		most = max(most, n)
	}
	r.P50, r.P99 = ms(quantile(all, 0.5)), ms(quantile(all, 0.99))
	r.limit(most > 0 && most <= herdLoads, "body loads %v, limit %d", loads, herdLoads)
}

func countLoads(stacks []*stack) (n int64) {
	for _, s := range stacks {
		n += s.loads.Load()
	}
	return n
}

func stampede(r *record, stacks []*stack, chat string) []time.Duration {
	took := make([]time.Duration, herdReaders)
	gate := make(chan struct{})
	var readers sync.WaitGroup
	for n := range herdReaders {
		readers.Go(func() {
			<-gate
			began := time.Now()
			if _, err := stacks[n%len(stacks)].repo.Chat(context.Background(), "ann", chat); err != nil {
				r.Error(err)
			}
			took[n] = time.Since(began)
		})
	}
	close(gate)
	readers.Wait()
	return took
}
