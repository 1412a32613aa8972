package redisconn

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// How often a watcher asks.
const (
	watchEvery = 5 * time.Second
	watchAgain = 500 * time.Millisecond // while something is refused
)

// watched are the needs that a watcher tries. The bus watches itself.
var watched = []need{needCache, needScripts, needPresence}

// watcher asks a Redis that answers whether it does what is needed. A server that is full, that has become a replica, or that does not
// evaluate scripts answers every PING, and often other commands too.
//
// It asks every few seconds, at once when a command was refused or Redis is back, and more often while something is refused. It costs
// one round trip of seven commands per master.
type watcher struct {
	client redis.UniversalClient
	names  *Namespace
	health *Health
	log    *slog.Logger
	id     string
	stop   context.CancelFunc
	tasks  sync.WaitGroup

	mu  sync.Mutex
	now map[string]error // what is refused, by the name of the need
}

func newWatcher(conn *Conn, log *slog.Logger) *watcher {
	w := &watcher{client: conn.Bus.Client, names: conn.Bus.Names, health: conn.Bus.Health, log: log, id: rand.Text(), now: map[string]error{}}
	w.health.AddPart(w.trouble)
	return w
}

// start begins with what was found out, and logged, before.
func (w *watcher) start(ctx context.Context, abilities []Ability) {
	for _, a := range abilities {
		if slices.ContainsFunc(watched, func(n need) bool { return n.name == a.Name }) && isRefusedCommand(a.Err) {
			w.now[a.Name] = a.Err
		}
	}
	w.refuse(w.now)
	ctx, w.stop = context.WithCancel(ctx)
	w.tasks.Go(func() { w.run(ctx) })
}

func (w *watcher) close() {
	w.stop()
	w.tasks.Wait()
}

func (w *watcher) run(ctx context.Context) {
	timer, last := time.NewTimer(watchEvery), time.Time{}
	defer timer.Stop()
	for {
		changed := w.health.Changed()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-changed:
		case <-w.health.Refused():
			if early := watchAgain - time.Since(last); early > 0 {
				timer.Reset(early)
				continue
			}
		}
		w.look(ctx)
		last = time.Now()
		timer.Reset(w.pause())
	}
}

func (w *watcher) pause() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.now) > 0 {
		return watchAgain
	}
	return watchEvery
}

// look asks, and logs what has changed. A Redis that does not answer leaves what was known.
func (w *watcher) look(ctx context.Context) {
	if w.health.Down() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*w.health.Timeout)
	defer cancel()
	began := time.Now()
	found, err := w.ask(ctx)
	if err != nil {
		if !errors.Is(context.Cause(ctx), context.Canceled) {
			w.health.Report(began, err)
		}
		return
	}
	w.mu.Lock()
	before := w.now
	w.now = found
	w.mu.Unlock()
	w.refuse(found)
	w.logChanges(before, found)
}

// refuse tells Health whether reading through Redis is of any use. Without memory it is: what is there is still served.
func (w *watcher) refuse(found map[string]error) {
	refusing := false
	for _, n := range []need{needCache, needScripts} {
		err := found[n.name]
		refusing = refusing || err != nil && !redis.HasErrorPrefix(err, "OOM")
	}
	w.health.SetRefusing(refusing)
}

func (w *watcher) logChanges(before, found map[string]error) {
	for _, n := range watched {
		was, is := before[n.name], found[n.name]
		switch {
		case Reason(was) == Reason(is):
		case is != nil:
			w.log.Warn("Redis refuses what is needed", "ability", n.name, "lost", n.lost, "reason", Reason(is), "error", is)
		default:
			w.log.Info("Redis does again what is needed", "ability", n.name)
		}
	}
}

// trouble is the part of Health.
func (w *watcher) trouble() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for _, n := range watched {
		if err := w.now[n.name]; err != nil {
			all = append(all, n.name+": "+Reason(err))
		}
	}
	return strings.Join(all, "; ")
}
