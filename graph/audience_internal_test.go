package graph

import (
	"fmt"
	"runtime"
	"testing"
	"weak"
)

// TestAudiences: an audience exists once while it is used, and is forgotten afterwards.
func TestAudiences(t *testing.T) {
	t.Parallel()
	s := &audiences{known: map[audienceKey]weak.Pointer[audience]{}}
	newAudience := func(vars string) *audience { return s.shared(&audience{key: audienceKey{vars: vars}}) }
	one := newAudience("one")
	if newAudience("one") != one || newAudience("two") == one {
		t.Error("the wrong audience was shared")
	}
	for i := range 100 {
		newAudience(fmt.Sprint(i))
	}
	known := func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.known)
	}
	for range 10_000 { // cleanups run on another goroutine
		runtime.GC()
		if known() == 1 {
			break
		}
		runtime.Gosched()
	}
	if n := known(); n != 1 {
		t.Errorf("%d audiences are kept", n)
	}
	if newAudience("one") != one {
		t.Error("an audience in use was forgotten")
	}
	runtime.KeepAlive(one)
}
