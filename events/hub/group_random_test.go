package hub

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"studychat/db"
	"studychat/events"
)

// groupSeeds is how many runs the random test makes; each prints its seed by its name.
const groupSeeds = 60

// groupMachine lets subscribers come, get stuck, catch up and go while events, ephemeral events, removals and resets come.
type groupMachine struct {
	*groupWorld
	mu     sync.Mutex
	random *rand.Rand
	torn   bool // Join is not one step any more
	all    []*sharing
}

func (m *groupMachine) chance(p float64) bool                { return chance(m.random, &m.mu, p) }
func (m *groupMachine) moment(d time.Duration) time.Duration { return moment(m.random, &m.mu, d) }
func (m *groupMachine) upTo(n int) int                       { return int(m.moment(time.Duration(n))) }

// TestGroupRandom: every subscriber gets every event after its cursor once and in order, whatever the connections do, and nothing
// more is needed once all is calm.
func TestGroupRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(groupSeeds) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) {
			t.Parallel()
			for _, p := range runGroups(t, seed, false) {
				t.Error(p)
			}
		})
	}
}

// TestGroupRandomFindsTornJoins is the negative control: if a stream is compared with the group at one moment, and joins at another,
// events fall between.
func TestGroupRandomFindsTornJoins(t *testing.T) {
	t.Parallel()
	for seed := range uint64(groupSeeds) {
		if len(runGroups(t, seed, true)) > 0 {
			return
		}
	}
	t.Error("joining without the topic's lock was not found")
}

func runGroups(t *testing.T, seed uint64, torn bool) (problems []string) {
	synctest.Test(t, func(t *testing.T) {
		w := newGroupWorld(t)
		net := &network{random: rand.New(rand.NewPCG(seed, 1))}
		bus := net.bus(events.Healthy)
		w.hub = startHub(t, w.repo, bus)
		w.bus = bus
		m := &groupMachine{groupWorld: w, random: rand.New(rand.NewPCG(seed, 2)), torn: torn}
		m.run()
		sleep(30 * time.Second) // the last refusals, sweeps and waits
		head := w.repo.headSeq(chatA)
		for i, s := range m.all {
			s.mu.Lock()
			if s.err == nil && !s.stopped {
				s.validator.end(head)
			}
			for _, p := range s.validator.problems {
				problems = append(problems, fmt.Sprintf("subscriber %d (%d shared, %d alone): %s", i, s.shared, s.alone, p))
			}
			s.mu.Unlock()
		}
	})
	return problems
}

func (m *groupMachine) run() {
	var tasks sync.WaitGroup
	tasks.Go(m.write)
	audiences := []*audience{{key: "all"}, {key: "ann"}, {key: 3}}
	for _, a := range audiences {
		a.random = m.upTo
		a.work = func() {
			if m.chance(.5) {
				sleep(m.moment(3 * time.Millisecond))
			}
		}
		a.fails = func() bool { return m.chance(.02) }
	}
	for range 12 {
		viewer := []string{"ann", "bob", "cid"}[m.upTo(3)]
		after := int64(-1)
		if head := m.repo.headSeq(chatA); m.chance(.5) {
			after = head - int64(m.upTo(int(head)))
		}
		s := m.subscriber(viewer, after, audiences[m.upTo(3)])
		m.all = append(m.all, s)
		tasks.Go(func() { m.live(s) })
		sleep(m.moment(10 * time.Millisecond))
	}
	tasks.Wait()
}

func (m *groupMachine) subscriber(viewer string, after int64, a events.Audience) *sharing {
	var cursor *db.Cursor
	if after >= 0 {
		cursor = &db.Cursor{ChatID: chatA, Epoch: m.hub.topicEpoch(), Seq: after}
	}
	stream, err := m.hub.Chat(m.t.Context(), viewer, chatA, cursor)
	if err != nil {
		m.t.Fatal(err)
	}
	s := share(m.t, stream, a)
	m.t.Cleanup(s.leave)
	s.refuses = func() bool { return m.chance(.1) }
	s.put = func() {
		if m.chance(.3) {
			sleep(m.moment(2 * time.Millisecond))
		}
	}
	if m.torn {
		s.join = func() bool { return m.tornJoin(s) }
	}
	s.Resume()
	return s
}

// topicEpoch is the epoch of the log that the fake has; cursors are made of it.
func (h *Hub) topicEpoch() int64 {
	epoch, _ := h.repo.Epoch(h.ctx)
	return epoch
}

// live lets some subscribers leave early.
func (m *groupMachine) live(s *sharing) {
	sleep(m.moment(100 * time.Millisecond))
	if m.chance(.3) {
		s.leave()
	}
}

// write commits what a busy chat has. Some notifications are lost or bare.
func (m *groupMachine) write() {
	for range 300 {
		sleep(m.moment(time.Millisecond))
		var event *db.Event
		switch n := m.upTo(100); {
		case n < 70:
			event = m.repo.send(chatA, "ann", "hi")
		case n < 85:
			m.hub.Typing(m.t.Context(), "cid", chatA, n%2 == 0)
			continue
		case n < 87:
			event = m.repo.add(chatA, "ann", "dan")
		case n < 89:
			event = m.repo.remove(chatA, "ann", "dan")
		case n < 90 && m.chance(.3):
			m.repo.restore(m.repo.headSeq(chatA)-int64(m.upTo(3)), true)
			continue
		default:
			event = m.repo.send(chatA, "bob", "ho")
		}
		if m.chance(.9) {
			publish(m.bus, event)
		}
	}
}

// tornJoin is Join without the lock around it.
func (m *groupMachine) tornJoin(s *sharing) bool {
	stream := s.stream.(*chatStream)
	t := stream.follower.topic
	t.mu.Lock()
	level := stream.started == nil && stream.follower.shares() && stream.follower.offset() == t.offsetLocked()
	t.mu.Unlock()
	if !level {
		return false
	}
	sleep(m.moment(time.Millisecond))
	t.mu.Lock()
	defer t.mu.Unlock()
	stream.mu.Lock()
	defer stream.mu.Unlock()
	if stream.closed {
		return false
	}
	g := t.groups[s.audience.Key()]
	if g == nil {
		g = newGroup(t, s.audience.Key(), s.audience, t.offsetLocked())
		t.groups[g.key] = g
	}
	delete(t.followers, stream.follower)
	stream.group, stream.index, stream.member = g, len(g.members), s
	g.members = append(g.members, stream)
	return true
}
