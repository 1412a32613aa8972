package hostile

import (
	"encoding/json"
	"strings"
	"syscall"
	"time"
)

// mostSlowness bounds what a slow machine excuses.
const mostSlowness = 4

// usualWork is what the work of Slowness takes in CPU time on the machines on which the bounds of the tests were set.
const usualWork = 5500 * time.Microsecond

// Slowness says how many times as long as usual this machine takes at the moment, at least 1 and at most mostSlowness. Bounds in CPU time are
// multiplied by it: machines that are shared run at half their speed for hours, and a bound that allowed for that would
// not see a document that costs twice as much.
func Slowness() float64 {
	text := []byte(`[` + strings.Repeat(`{"query":"{ chats { edges { node { id } } } }","n":[1,2,3]},`, 8000) + `0]`)
	best := time.Hour
	for range 7 {
		start := cpu()
		var into any
		_ = json.Unmarshal(text, &into) // it is valid; what it takes is all that counts
		best = min(best, cpu()-start)
	}
	return min(max(1, float64(best)/float64(usualWork)), mostSlowness)
}

func cpu() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // fails for a bad pointer alone
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
