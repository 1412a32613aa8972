package state

import (
	"context"
	"slices"
	"testing"
	"time"

	"studychat/db"
)

// Half a partition: one instance does not reach Redis, and the others do. What it writes must be seen everywhere 2 s later.

// mostStale is that bound.
const mostStale = 2 * time.Second

// part disconnects one instance from Redis for a while. The instance may crash before the end.
func (r *run) part(ctx context.Context, d *dice) {
	i := d.n(len(r.instances))
	r.mu.Lock()
	in := r.instances[i]
	r.favourite = in
	r.mu.Unlock()
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.favourite = nil
	}()
	r.hist.note("instance %d is cut off", i)
	in.line.part(true, d.chance(.5))
	_ = pause(ctx, 200*r.faults.unit+d.upTo(6000*r.faults.unit))
	if d.chance(.4) {
		r.hist.note("instance %d dies, cut off", i)
		r.crash(i)
		return
	}
	in.line.part(false, false)
	in.bus.sink.Gap(-1) // as a bus does that has connected again
	r.hist.note("instance %d is back", i)
	_ = pause(ctx, d.upTo(3000*r.faults.unit))
}

// part disconnects the instance from Redis, or connects it again.
func (l *line) part(off, slow bool) {
	l.slow.Store(slow)
	l.parted.Store(off)
}

// partedError is what a request gets while the instance is cut off.
func (l *line) partedError(ctx context.Context) error {
	if !l.slow.Load() {
		return errRefused
	}
	_ = pause(ctx, 50*l.faults.unit)
	return context.DeadlineExceeded
}

// outages are the notices of the model: what sqlstore.Store keeps in a table. The caller of all but the methods of Reporter holds
// m.mu.
type outages struct {
	notices   map[string]notice
	running   map[*modelChat]time.Time // writes, and when they began; one a chat
	reported  int
	forgotten int
}

type notice struct{ since, until time.Time }

// ReportOutage implements cache.Reporter.
func (s *modelStore) ReportOutage(_ context.Context, instance string, in, lasts time.Duration) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.outages.notices[instance]
	if !ok {
		s.outages.reported++
		n.since = time.Now().Add(in)
	}
	n.until = time.Now().Add(lasts)
	s.outages.notices[instance] = n
	return nil
}

// EndOutage implements cache.Reporter.
func (s *modelStore) EndOutage(_ context.Context, instance string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.outages.notices, instance)
	return nil
}

// ForgetOutage implements cache.Reporter.
func (s *modelStore) ForgetOutage(_ context.Context, o db.Outage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.outages.notices[o.Instance]; ok && n.until.Equal(o.Until) {
		s.outages.forgotten++
		delete(s.outages.notices, o.Instance)
	}
	return nil
}

func (s *modelStore) pulse() db.Pulse {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := db.Pulse{Asked: time.Now()}
	for instance, n := range s.outages.notices {
		over := n.until.Before(p.Asked)
		for _, began := range s.outages.running {
			over = over && n.until.Before(began)
		}
		p.Outages = append(p.Outages, db.Outage{Instance: instance, In: time.Until(n.since), Over: over, Until: n.until})
	}
	return p
}

// startPulse is sqlstore.Store.StartPulse.
func (s *modelStore) startPulse(changed func(db.Pulse)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	changed(s.pulse())
	go func() {
		defer close(done)
		for pause(ctx, db.PulseEvery) == nil {
			changed(s.pulse())
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// hard makes every run disconnect instances.
func hard(r *run) { r.become(parted) }

func TestControlsOfHalfAPartitionAreCaught(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reason string
		filter func(db.Pulse) db.Pulse
	}{
		"notices ignored": {"as if an instance that is cut off were nobody's business", func(p db.Pulse) db.Pulse {
			p.Outages = nil
			return p
		}},
		"late": {"hearing of it 4 s later is too late for 2 s", func(p db.Pulse) db.Pulse {
			p.Outages = slices.DeleteFunc(p.Outages, func(o db.Outage) bool { return o.In > -4*time.Second })
			return p
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kinds := caught(t, realParts(), func(r *run) {
				hard(r)
				r.filter = c.filter
			})
			t.Log(c.reason)
			mustCatch(t, kinds, "stale", 3)
		})
	}
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		if kinds := caught(t, realParts(), hard); len(kinds) > 0 {
			t.Errorf("%v", kinds)
		}
	})
}
