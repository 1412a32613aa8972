package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		size   int
		room   int
	}{
		{"small frames, by number", 10, outboxFrames},
		{"large frames, by bytes", 10_000, outboxBytes / 10_000},
		{"a frame of everything goes alone, and is waited for", outboxBytes, 0},
		{"a larger one too", 10 * outboxBytes, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := newOutbox()
			ctx, cancel := context.WithCancel(t.Context())
			put := 0
			done := make(chan struct{})
			go func() {
				defer close(done)
				for o.put(ctx, make([]byte, c.size)) == nil {
					put++
				}
			}()
			synctest.Wait()
			if put != c.room {
				t.Errorf("%s: %d fitted, want %d", c.reason, put, c.room)
			}
			o.written(<-o.frames)
			synctest.Wait()
			if put != c.room+1 {
				t.Errorf("%s: after one was written %d had fitted", c.reason, put)
			}
			cancel()
			<-done
		})
	}
}

func TestFramesAreLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOutbox()
		if err := o.put(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		f := <-o.frames
		<-time.After(writeTimeout)
		if f.late() {
			t.Error("late at the deadline")
		}
		<-time.After(time.Millisecond)
		if !f.late() {
			t.Error("not late after the deadline")
		}
	})
}
