package wire

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestWaiting: what is queued, what is being written, and since when.
func TestWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o, to := newOwner(), make(stuck)
		if got := o.out.Waiting(); got != (Waiting{}) {
			t.Errorf("at the beginning: %+v", got)
		}
		began := time.Now()
		put := func(n int) {
			if err := o.out.Put(context.Background(), make([]byte, n)); err != nil {
				t.Fatal(err)
			}
		}
		put(10)
		o.out.Open(to)
		synctest.Wait()
		if got := o.out.Waiting(); got != (Waiting{Bytes: 10}) {
			t.Errorf("while it is written: %+v", got)
		}
		<-time.After(time.Second)
		put(20)
		put(30)
		if got := o.out.Waiting(); got != (Waiting{Frames: 2, Bytes: 60, Since: began.Add(time.Second)}) {
			t.Errorf("behind that: %+v", got)
		}
		<-to
		<-to
		synctest.Wait()
		if got := o.out.Waiting(); got != (Waiting{}) {
			t.Errorf("at the end: %+v", got)
		}
		o.out.End(nil)
		o.out.Wait()
	})
}
