package events

import (
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait before an attempt: doubling from 50 ms to 2 s, with jitter.
func Backoff(attempt int) time.Duration {
	const first, most = 50 * time.Millisecond, 2 * time.Second
	return Jitter(min(first<<min(attempt-1, 10), most))
}

// Jitter spreads a wait over ±20 %, so that instances that lost the same Redis do not ask the database at the same time.
func Jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1)
}
