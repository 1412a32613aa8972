package cache

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"studychat/db"
	"studychat/redisconn"
)

// board is where the instances of a test tell each other: a database of notices, by the clock of a bubble.
type board struct {
	mu      sync.Mutex
	notices map[string]db.Outage // In is unused
	since   map[string]time.Time
	reports int
	fail    error
	writing bool // somebody's transaction is under way, and keeps every notice from being over
}

func newBoard() *board { return &board{notices: map[string]db.Outage{}, since: map[string]time.Time{}} }

func (b *board) ReportOutage(_ context.Context, instance string, in, lasts time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reports++
	if b.fail != nil {
		return b.fail
	}
	if _, ok := b.notices[instance]; !ok {
		b.since[instance] = time.Now().Add(in)
	}
	b.notices[instance] = db.Outage{Instance: instance, Until: time.Now().Add(lasts)}
	return nil
}

func (b *board) EndOutage(_ context.Context, instance string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		delete(b.notices, instance)
	}
	return b.fail
}

func (b *board) ForgetOutage(_ context.Context, o db.Outage) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now, ok := b.notices[o.Instance]; ok && now.Until.Equal(o.Until) {
		delete(b.notices, o.Instance)
	}
	return nil
}

func (b *board) pulse() db.Pulse {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := db.Pulse{Asked: time.Now()}
	for instance, o := range b.notices {
		o.In, o.Over = time.Until(b.since[instance]), time.Now().After(o.Until) && !b.writing
		p.Outages = append(p.Outages, o)
	}
	return p
}

func (b *board) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reports
}

// become has the board fail, or work again.
func (b *board) become(fail error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fail = fail
}

// has says whether there is a notice, and whether it counts.
func (b *board) has() (any, counts bool) {
	p := b.pulse()
	return len(p.Outages) > 0, slices.ContainsFunc(p.Outages, func(o db.Outage) bool { return o.In <= 0 })
}

// cutLine is a client whose requests succeed, or fail while it is cut.
type cutLine struct {
	mu    sync.Mutex
	cut   error
	asked int
}

func (l *cutLine) set(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = err
}

func (l *cutLine) do(cmd redis.Cmder) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	if l.cut != nil {
		cmd.SetErr(l.cut)
	}
	return l.cut
}

func (l *cutLine) DialHook(next redis.DialHook) redis.DialHook { return next }

func (l *cutLine) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error { return l.do(cmd) }
}

func (l *cutLine) ProcessPipelineHook(redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(_ context.Context, cmds []redis.Cmder) (err error) {
		for _, cmd := range cmds {
			err = l.do(cmd)
		}
		return err
	}
}

// lockedText is a log that goroutines write to.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// sharer is an instance in a bubble whose Redis is nothing but its line.
type sharer struct {
	guard *Guard
	line  *cutLine
	board *board
	log   *lockedText
	stop  func()
}

func newSharer(t *testing.T, b *board) *sharer {
	t.Helper()
	s := &sharer{line: new(cutLine), board: b, log: new(lockedText)}
	client := redis.NewClient(&redis.Options{Addr: "none", MaxRetries: -1, PipelinePoolSize: -1,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}})
	client.AddHook(s.line)
	log := slog.New(slog.NewTextHandler(s.log, nil))
	health := redisconn.NewHealth(client, log)
	health.Start(t.Context())
	s.guard = NewGuard(redisconn.Handle{Client: client, Names: redisconn.NewNamespace("test"), Health: health}, GuardOptions{Log: log})
	s.guard.Start(t.Context())
	stop := s.guard.StartSharing(t.Context(), b)
	s.stop = sync.OnceFunc(func() {
		stop()
		s.guard.Stop()
		health.Stop()
		_ = client.Close()
	})
	return s
}

// write is one write without delay, as its store would make it.
func (s *sharer) write(outcome db.Outcome) {
	s.guard.Mark(context.Background(), db.Write{ChatID: "chat", Members: []string{"ann"}})(outcome)
}

func inBubble(t *testing.T, test func(t *testing.T, b *board, s *sharer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := newBoard()
		s := newSharer(t, b)
		defer s.stop()
		test(t, b, s)
	})
}

func pass(d time.Duration) { <-time.After(d) }

func TestAWriteWithoutMarksDoesNotCommitBeforeItsNoticeStands(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		s.line.set(errRefused)
		finish := s.guard.Mark(t.Context(), db.Write{ChatID: "chat"})
		if stands, counts := b.has(); !stands || counts {
			t.Fatalf("before COMMIT: notice %t, counts %t; want one that does not count yet", stands, counts)
		}
		finish(db.Committed)
		pass(noticeAfter)
		if _, counts := b.has(); !counts {
			t.Error("after a second of failure the notice does not count")
		}
	})
}

var errRefused = errors.New("refused")

func TestAStrayFailureCostsTheOthersNothing(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		for range 20 {
			s.line.set(errRefused)
			s.write(db.Committed)
			s.line.set(nil)
			for range 40 {
				pass(50 * time.Millisecond)
				if _, counts := b.has(); counts {
					t.Fatal("the notice came to count although everything was made good at once")
				}
			}
			if stands, _ := b.has(); stands {
				t.Fatal("the notice was not taken back")
			}
		}
		if strings.Contains(s.log.String(), "writes") {
			t.Errorf("and it was logged:\n%s", s.log)
		}
	})
}

func TestANoticeEndsAfterASecondOfHealth(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		s.line.set(errRefused)
		for range 100 {
			s.write(db.Committed)
			pass(50 * time.Millisecond)
		}
		if n := b.count(); n > 8 {
			t.Errorf("%d reports in 5 s of failing writes", n)
		}
		if n := strings.Count(s.log.String(), "WARN"); n != 1 {
			t.Errorf("%d warnings:\n%s", n, s.log)
		}
		for range 10 { // it comes and goes
			s.line.set(nil)
			pass(700 * time.Millisecond)
			s.line.set(errRefused)
			s.write(db.Committed)
			if _, counts := b.has(); !counts {
				t.Fatal("taken back although Redis was well for 700 ms only")
			}
		}
		s.line.set(nil)
		healed := time.Now()
		for stands := true; stands; stands, _ = b.has() {
			pass(10 * time.Millisecond)
		}
		if took := time.Since(healed); took < noticeCalm || took > noticeCalm+time.Second {
			t.Errorf("taken back after %v", took)
		}
	})
}

// The list of pending keys may be empty for a moment while a write that is not marked is on its way to COMMIT.
func TestANoticeStandsWhileAnUnmarkedWriteIsUnderWay(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		s.line.set(errRefused)
		finish := s.guard.Mark(t.Context(), db.Write{ChatID: "chat"})
		s.line.set(nil)
		pass(5 * time.Second)
		if _, counts := b.has(); !counts {
			t.Fatal("if this instance died now, what is filled meanwhile would stay")
		}
		finish(db.Committed)
		pass(2 * time.Second)
		if stands, _ := b.has(); stands {
			t.Error("the notice outlives the write")
		}
	})
}

func TestAnUnmarkedWriteOfUnknownOutcomeIsDeletedWhenItCanOnlyHaveEnded(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		s.line.set(errRefused)
		s.write(db.Unknown)
		s.line.set(nil)
		pass(s.guard.options.MarkTTL - time.Second)
		before := s.guard.Stats().DeletedLate
		if _, counts := b.has(); !counts || before == 0 {
			t.Fatalf("the notice counts: %t; %d keys deleted", counts, before)
		}
		pass(3 * time.Second)
		if got := s.guard.Stats().DeletedLate; got != before+2 {
			t.Errorf("%d keys deleted again, want the chat and the list", got-before)
		}
		if stands, _ := b.has(); stands {
			t.Error("the notice outlives the write")
		}
	})
}

func TestANoticeThatCannotBeMadeIsTriedAgain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		b.become(errRefused)
		s.line.set(errRefused)
		for range 100 {
			s.write(db.Committed) // and commits all the same
		}
		if n := b.count(); n != 1 {
			t.Errorf("%d reports for writes within a second: each would wait for one", n)
		}
		b.become(nil)
		pass(noticeRenew + noticeTick)
		if _, counts := b.has(); !counts {
			t.Error("the keeper does not make up for it")
		}
	})
}

func TestAnInstanceThatStops(t *testing.T) {
	t.Parallel()
	for name, healed := range map[string]bool{"cut off": false, "just healed": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, b *board, s *sharer) {
				s.line.set(errRefused)
				s.write(db.Committed)
				pass(3 * time.Second)
				if healed {
					s.line.set(nil)
					pass(redisconn.ProbeEvery + time.Millisecond)
				}
				s.stop()
				if stands, _ := b.has(); stands == healed {
					t.Errorf("left behind: %t; what it wrote is deleted: %t", stands, healed)
				}
			})
		})
	}
}

// trusts says whether a guard would serve from Redis.
func (s *sharer) trusts() bool { return s.guard.trust.holds(s.guard.now) }

func TestWhenRedisIsTrusted(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		if s.trusts() {
			t.Error("before the first pulse")
		}
		step := func(reason string, want bool) {
			t.Helper()
			if got := s.trusts(); got != want {
				t.Errorf("%s: trusts %t", reason, got)
			}
		}
		s.guard.Pulse(b.pulse())
		step("nobody is cut off", true)
		_ = b.ReportOutage(t.Context(), s.guard.id, 0, noticeLasts)
		s.guard.Pulse(b.pulse())
		step("one's own notice is for the others", true)
		_ = b.ReportOutage(t.Context(), "other", 300*time.Millisecond, noticeLasts)
		s.guard.Pulse(b.pulse())
		step("a notice that does not count yet", true)
		pass(300 * time.Millisecond)
		step("it counts on time, without another pulse", false)
		s.guard.Pulse(b.pulse())
		step("as the next pulse says", false)
		_ = b.EndOutage(t.Context(), "other")
		s.guard.Pulse(b.pulse())
		step("taken back", true)
		old := s.guard.link.Names.Keys()
		p := b.pulse()
		p.Database, p.Renewed = "restored", true
		s.guard.Pulse(p)
		step("writers may not know the database's new id", false)
		if now := s.guard.link.Names.Keys(); now.Chat("x") == old.Chat("x") {
			t.Error("the names are those of the old id")
		}
		p.Asked, p.Renewed = time.Now(), false
		s.guard.Pulse(p)
		step("they all know it", true)
		pass(pulseAge - time.Millisecond)
		step("the pulse is young enough", true)
		pass(time.Millisecond)
		step("the database is not heard: neither are the others", false)
	})
}

func TestOthersDeleteWhatADeadInstanceLeft(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, b *board, s *sharer) {
		s.line.set(errRefused)
		_ = b.ReportOutage(t.Context(), "other", 0, time.Second)
		b.mu.Lock()
		b.writing = true
		b.mu.Unlock()
		pulse := func(d time.Duration) {
			for range d / db.PulseEvery {
				s.guard.Pulse(b.pulse())
				pass(db.PulseEvery)
			}
		}
		pulse(5 * time.Second)
		s.line.mu.Lock()
		if s.line.asked > 0 {
			t.Error("swept while a write of the dead instance may still commit")
		}
		s.line.mu.Unlock()
		b.mu.Lock()
		b.writing = false
		b.mu.Unlock()
		pulse(3 * time.Second)
		if stands, _ := b.has(); !stands || s.trusts() {
			t.Errorf("the notice is there: %t, Redis is trusted: %t, though nobody could sweep", stands, s.trusts())
		}
		s.line.set(nil)
		pulse(3 * time.Second)
		if stands, _ := b.has(); stands || !s.trusts() {
			t.Errorf("the notice is there: %t, Redis is trusted: %t, though all was swept", stands, s.trusts())
		}
	})
}

// TestDiesBeforeAnybodyKnows: an instance is killed right after a commit that it could not mark, before its notice counts. The
// control forgets notices without clearing the cache.
func TestDiesBeforeAnybodyKnows(t *testing.T) {
	t.Parallel()
	for name, sweeps := range map[string]bool{"swept": true, "control": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, store, b := newRedis(t), newFakeStore(), newBoard()
			reader := newRig(t, store, server.Addr(), tuning{}, Options{})
			started(t, reader)
			t.Cleanup(reader.guard.StartSharing(t.Context(), b))
			reader.guard.Pulse(b.pulse())
			dying := newRig(t, store, blackHole, impatient(), Options{})
			stop := dying.guard.StartSharing(t.Context(), b)
			chat := store.newChat("ann", "bob")
			reader.chat(t, "ann", chat.ID)
			reader.list(t, "bob")
			w := store.begin(t.Context(), dying.guard, chat.ID)
			w.commit()
			stop() // as if killed: nothing is taken back, and the write is never finished
			if stands, counts := b.has(); !stands || counts {
				t.Fatalf("a notice: %t, and it counts: %t", stands, counts)
			}
			if hits := reader.guard.Stats().Hits; reader.chat(t, "ann", chat.ID).HeadSeq != chat.HeadSeq || reader.guard.Stats().Hits == hits {
				t.Fatal("the old body is not in the cache: the test shows nothing")
			}
			b.mu.Lock()
			for id, o := range b.notices {
				o.Until = time.Now()
				b.notices[id], b.since[id] = o, o.Until
			}
			b.mu.Unlock()
			if !sweeps {
				_ = b.EndOutage(t.Context(), dying.guard.id)
			}
			reader.guard.Pulse(b.pulse())
			eventually(t, "Redis is trusted again", func() bool {
				if reader.guard.trust.holds(reader.guard.now) {
					return true
				}
				if got := reader.chat(t, "ann", chat.ID).HeadSeq; got != w.next.HeadSeq {
					t.Fatalf("read version %d after %d, by the notice", got, w.next.HeadSeq)
				}
				reader.guard.Pulse(b.pulse())
				return false
			})
			stale := reader.chat(t, "ann", chat.ID).HeadSeq < w.next.HeadSeq
			if stale == sweeps {
				t.Errorf("a stale read: %t", stale)
			}
		})
	}
}
