package hostile

import (
	"encoding/json"
	"strings"
	"syscall"
	"time"
)

// mostSlowness bounds Slowness.
const mostSlowness = 4

// usualWork is the CPU time of the work that Slowness measures, on the machines on which the bounds of the tests were set.
const usualWork = 5500 * time.Microsecond

// Slowness is how many times slower than usual this machine is now, from 1 to mostSlowness. Tests multiply bounds of CPU time by
// it: shared machines run at half their speed for hours, and a fixed bound that allowed for that would miss a document that costs
// twice as much.
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
