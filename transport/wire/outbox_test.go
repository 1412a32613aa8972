package wire

import (
	"bytes"
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// owner remembers what it was told.
type owner struct {
	out *Outbox

	mu    sync.Mutex
	told  []string
	waits []time.Duration
}

func (o *owner) tell(what string) {
	o.mu.Lock()
	o.told = append(o.told, what)
	o.mu.Unlock()
	if what != "written" {
		o.out.End([]byte("bye"))
	}
}
func (o *owner) Slow()    { o.tell("slow") }
func (o *owner) Broken()  { o.tell("broken") }
func (o *owner) Written() { o.tell("written") }

func (o *owner) Waited(queued time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waits = append(o.waits, queued)
}

func (o *owner) heard() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.told, " ")
}

// stuck is a connection that takes a write when it is let.
type stuck chan []byte

func (s stuck) Write(p []byte) (int, error) {
	s <- bytes.Clone(p)
	return len(p), nil
}

func newOwner() *owner {
	o := &owner{}
	o.out = NewOutbox(o)
	return o
}

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		size   int
		room   int
	}{
		{"small frames, by number", 10, OutboxFrames},
		{"large frames, by bytes", 10_000, OutboxBytes / 10_000},
		{"a frame of everything goes alone, and is waited for", OutboxBytes, 0},
		{"a larger one too", 10 * OutboxBytes, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			o, to := newOwner(), make(stuck)
			ctx, cancel := context.WithCancel(t.Context())
			put := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for o.out.Put(ctx, make([]byte, c.size)) == nil {
					put++
				}
			}()
			synctest.Wait()
			if put != c.room {
				t.Errorf("%s: %d fitted, want %d", c.reason, put, c.room)
			}
			if o.out.Offer(make([]byte, c.size)) {
				t.Errorf("%s: an offer had room", c.reason)
			}
			o.out.Open(to)
			<-to
			synctest.Wait()
			if put <= c.room {
				t.Errorf("%s: after some were written %d had fitted", c.reason, put)
			}
			cancel()
			<-done
			o.out.End(nil)
			for ended := false; !ended; {
				select {
				case <-to:
				case <-time.After(time.Second):
					ended = true
				}
			}
			o.out.Wait()
		})
	}
}

// TestWhatGathersLeavesInOneWrite: order is kept, an offered frame may be changed at once, and a frame that is too large to be
// joined goes alone.
func TestWhatGathersLeavesInOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, to := newOwner(), make(stuck)
		o.out.Open(to)
		mine := []byte("1")
		for _, digit := range "123456" {
			mine[0] = byte(digit)
			if !o.out.Offer(mine) {
				t.Fatal("refused")
			}
		}
		synctest.Wait()
		first := <-to
		large := bytes.Repeat([]byte("x"), OutboxBytes)
		go func() {
			if err := o.out.Put(t.Context(), large); err != nil {
				t.Error(err)
			}
			if err := o.out.Last(t.Context(), []byte("end")); err != nil {
				t.Error(err)
			}
			if err := o.out.Put(t.Context(), []byte("late")); !errors.Is(err, ErrEnded) {
				t.Error(err)
			}
		}()
		if got := string(first) + string(<-to); got != "123456"+string(large) && string(first) != "123456" {
			t.Errorf("%.20q", got)
		}
		if got := string(<-to); got != "end" {
			t.Errorf("%.20q", got)
		}
		o.out.Wait()
		synctest.Wait()
		if o.heard() != "written" {
			t.Error(o.heard())
		}
	})
}

// TestFramesAreLate: a frame that waits too long, or takes too long to be written, makes the client a slow one. What the owner says
// last comes after a whole frame.
func TestFramesAreLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, to := newOwner(), make(stuck)
		_ = o.out.Put(t.Context(), []byte("x"))
		<-time.After(WriteTimeout)
		o.out.Open(to)
		if got := string(<-to); got != "x" || o.heard() != "" {
			t.Errorf("at the deadline: %q, %s", got, o.heard())
		}
		_ = o.out.Put(t.Context(), []byte("y"))
		synctest.Wait()
		_ = o.out.Put(t.Context(), []byte("z"))
		<-time.After(WriteTimeout + time.Millisecond)
		if o.heard() != "slow" || o.out.Offer([]byte("a")) {
			t.Error(o.heard())
		}
		<-time.After(WriteTimeout) // the last frame may wait
		if got := string(<-to) + string(<-to); got != "ybye" {
			t.Errorf("got %q", got)
		}
		o.out.Wait()
		if o.heard() != "slow written" {
			t.Error(o.heard())
		}
	})
	synctest.Test(t, func(t *testing.T) {
		o, to := newOwner(), make(stuck)
		_ = o.out.Put(t.Context(), []byte("x"))
		<-time.After(WriteTimeout + time.Millisecond)
		o.out.Open(to)
		if got := string(<-to); got != "bye" || !strings.HasPrefix(o.heard(), "slow") {
			t.Errorf("after the deadline: %q, %s", got, o.heard())
		}
		o.out.Wait()
	})
}

func TestLargeFramesMayTakeLonger(t *testing.T) {
	t.Parallel()
	if small, large := TimeFor(100), TimeFor(5<<20); small.Round(WriteTimeout/10) != WriteTimeout || large != WriteTimeout+20e9 {
		t.Errorf("%s and %s", small, large)
	}
}

// TestBrokenConnections: the owner learns of it.
func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ours, theirs := net.Pipe()
		_ = theirs.Close()
		o := newOwner()
		o.out.Open(ours)
		_ = o.out.Put(t.Context(), []byte("x"))
		o.out.Wait()
		if !strings.HasPrefix(o.heard(), "broken") {
			t.Error(o.heard())
		}
	})
}

// TestOutboxTellsWaits: of what was written at once nothing is told; of the rest, from when it was queued until it was written.
func TestOutboxTellsWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, to := newOwner(), make(stuck)
		o.out.Open(to)
		for range 3 {
			if err := o.out.Put(t.Context(), []byte("frame")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait() // the first is being written
		}
		<-time.After(time.Second)
		<-to
		synctest.Wait()
		<-time.After(time.Second)
		<-to // the two others, together
		synctest.Wait()
		o.mu.Lock()
		waits := slices.Clone(o.waits)
		o.mu.Unlock()
		if !slices.Equal(waits, []time.Duration{time.Second, 2 * time.Second}) {
			t.Errorf("waits %v", waits)
		}
		o.out.End(nil)
		o.out.Wait()
	})
}
