package torture

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// mostStale limits how long a write may be stale, whatever is disconnected.
const mostStale = 2 * time.Second

// halfPartition separates the writing instance from Redis, and not the reading ones.
func halfPartition(r *record) {
	r.Fault = "the writing instance of three is separated from Redis for 4 s; members are removed at the beginning and in the middle"
	w := newWorld(r, setting{proxied: true})
	v := w.newViewing(r, w.instances[:1], w.instances[1:])
	r.Load = "8 chats, a writer at one instance, 8 readers at the two others, by chat, node, chats and history"
	v.used("in a second before it", time.Second)
	w.proxies[0].hole()
	pause(200 * time.Millisecond)
	for n := range 3 {
		v.remove(n)
	}
	pause(1800 * time.Millisecond)
	for n := range 3 {
		v.remove(3 + n)
	}
	pause(2 * time.Second)
	w.proxies[0].heal()
	pause(2500 * time.Millisecond)
	v.used("in a second, from 2.5 s after it", time.Second)
	v.limitStale(r)
}

// limitStale judges each view by mostStale.
func (v *viewing) limitStale(r *record) {
	written, removed := v.judge()
	for _, view := range views {
		r.limit(!later(written[view.name], mostStale), "%s: %d stale reads%s, limit 2 s", view.name, len(written[view.name]), worstLag(written[view.name]))
		r.limit(!later(removed[view.name], mostStale), "%s: %d reads by members who had been removed%s, limit 2 s",
			view.name, len(removed[view.name]), worstLag(removed[view.name]))
	}
}

func later(stale []staleRead, limit time.Duration) bool {
	for _, s := range stale {
		if s.lag > limit {
			return true
		}
	}
	return false
}

// requirePass makes Redis require a password. Open connections continue and new ones are refused. The check closes
// some, so that the servers must open others.
func requirePass(r *record) {
	r.Fault = "CONFIG SET requirepass; open connections continue, every third is closed, and the load triples; 3 times for 1 s"
	w := newWorld(r, setting{})
	v := w.newViewing(r, w.instances, w.instances)
	r.Load = "8 chats, 3 to 9 writers, 12 to 36 readers, over three instances, by chat, node, chats and history"
	client := admin(r, w.redis.Addr())
	v.used("in a second before it", time.Second)
	cut := 0
	for range 3 {
		cut += askForPassword(r, client)
		crowd, leave := context.WithCancel(context.Background())
		v.more(crowd, 2)
		pause(time.Second)
		leave()
		r.must(client.ConfigSet(r.Context(), "requirepass", "").Err())
		pause(500 * time.Millisecond)
	}
	pause(time.Second)
	v.used("in a second, from 1.5 s after it", time.Second)
	r.limit(cut > 5, "%d connections closed", cut)
	v.limitStale(r)
}

// normal returns the ids of the connections that are not subscribed.
func normal(r *record, client *redis.Client) (ids []string) {
	list, err := client.Do(r.Context(), "CLIENT", "LIST", "TYPE", "normal").Text()
	r.must(err)
	for line := range strings.Lines(list) {
		id, _, _ := strings.Cut(strings.TrimPrefix(line, "id="), " ")
		ids = append(ids, id)
	}
	return ids
}

// cacheRequirePass repeats requirePass with instances in this process, whose readers are faster.
func cacheRequirePass(r *record) {
	const times = 3
	r.Fault = fmt.Sprintf("CONFIG SET requirepass; open connections continue, and every third is closed; %d times for 1 s", times)
	stacks, _, server := newStacks(r, stacking{})
	w := newWorkload(r, stacks)
	w.start()
	pause(r.calm)
	client := admin(r, server.Addr())
	for range times {
		askForPassword(r, client)
		pause(time.Second)
		r.must(client.ConfigSet(r.Context(), "requirepass", "").Err())
		pause(500 * time.Millisecond)
	}
	pause(r.calm)
	ops := w.done()
	w.usage(ops)
	stale := judgeReads(ops)
	r.Stale = len(stale)
	r.limit(!later(stale, mostStale), "%d stale reads%s, limit 2 s; %d times new and then old", len(stale), worstLag(stale), newThenOld(ops))
	var marked, refused int64
	for _, s := range stacks {
		marked, refused = marked+s.guard.Stats().Marks, refused+s.guard.Stats().MarkFailures
	}
	// Some are allowed: on a busy machine an instance may lose all of its connections to timeouts.
	r.limit(refused*10 <= marked+refused, "%d of %d marks not stored, limit a tenth", refused, marked+refused)
}

// askForPassword makes Redis refuse new connections, and closes some of the open ones.
func askForPassword(r *record, client *redis.Client) (cut int) {
	r.must(client.ConfigSet(r.Context(), "requirepass", "a password of now").Err())
	for n, id := range normal(r, client) {
		if n%3 == 0 {
			r.must(client.ClientKillByFilter(r.Context(), "ID", id, "SKIPME", "yes").Err())
			cut++
		}
	}
	return cut
}
