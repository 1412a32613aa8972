// Package yield lets a goroutine that computes for long give way to goroutines that wait for the network.
//
// With more processors than busy goroutines the runtime does that by itself. Without an idle processor it looks for what has arrived every
// 10 ms, and runtime.Gosched does not change that: it gives way only to goroutines that can run already.
package yield

import (
	"runtime"
	"sync"
)

// One goroutine at a time asks the network, for all.
var (
	asking sync.Mutex
	asks   = sync.OnceValue(newPoint)
)

// ToNetwork lets all goroutines run that can run, or that wait for something which has arrived. It costs three system calls, and does
// not wait for anything.
func ToNetwork() {
	if asking.TryLock() {
		if p := asks(); p != nil {
			p.park()
		}
		asking.Unlock()
	}
	runtime.Gosched() // those that were found are behind this goroutine
}
