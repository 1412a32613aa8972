package yield

import (
	"os"
	"runtime"
	"sync"
	"testing"
)

// TestToNetwork: what has arrived is read during the call, although no processor is idle. With runtime.Gosched alone, the runtime
// looks for it 10 ms later.
func TestToNetwork(t *testing.T) { //nolint:paralleltest // it takes the processors
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	got := 0 // guarded by the only processor
	done := make(chan struct{})
	var mu sync.Mutex
	count := func(add int) int {
		mu.Lock()
		defer mu.Unlock()
		got += add
		return got
	}
	go func() {
		defer close(done)
		b := make([]byte, 1)
		for {
			if _, err := read.Read(b); err != nil {
				return
			}
			count(1)
		}
	}()
	const tries = 300
	prompt := 0
	for i := range tries {
		if _, err := write.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		ToNetwork()
		if count(0) == i+1 {
			prompt++
		}
		for count(0) < i+1 {
			ToNetwork()
		}
	}
	if prompt < tries*8/10 { // at times the scheduler prefers the caller
		t.Errorf("read during %d of %d calls", prompt, tries)
	}
	_ = write.Close()
	<-done
	_ = read.Close()
}

// TestToNetworkTogether: callers do not wait for each other.
func TestToNetworkTogether(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 500 {
				ToNetwork()
			}
		})
	}
	all.Wait()
}

func TestToNetworkAllocates(t *testing.T) { //nolint:paralleltest // AllocsPerRun
	if n := testing.AllocsPerRun(100, ToNetwork); n > 0 {
		t.Errorf("%.1f allocations", n)
	}
}

func BenchmarkToNetwork(b *testing.B) {
	for b.Loop() {
		ToNetwork()
	}
}
