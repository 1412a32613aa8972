// Package tally is what the other packages count with: plain counters and histograms of atomics, which know no metrics system. Package
// metrics reads them when somebody asks.
//
// The zero value of everything is ready for use, and every method is safe for concurrent use.
package tally

import (
	"sync/atomic"
	"time"
)

// Counter only rises.
type Counter = atomic.Int64

// Bounds are the upper bounds of the buckets of Durations.
var Bounds = [...]time.Duration{
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// Durations is a histogram of durations. An observation costs two atomic additions.
type Durations struct {
	buckets [len(Bounds) + 1]atomic.Int64 // the last one is what exceeds all bounds
	sum     atomic.Int64                  // nanoseconds
}

// Since observes the time since then.
func (d *Durations) Since(then time.Time) { d.Observe(time.Since(then)) }

// Observe counts one duration.
func (d *Durations) Observe(took time.Duration) { d.ObserveMany(took, 1) }

// ObserveMany counts a duration n times. A negative one, which two clocks can give, counts as 0.
func (d *Durations) ObserveMany(took time.Duration, n int) {
	took = max(took, 0)
	i := 0
	for i < len(Bounds) && took > Bounds[i] {
		i++
	}
	d.buckets[i].Add(int64(n))
	d.sum.Add(int64(took) * int64(n))
}

// Read returns the histogram, with bounds in seconds.
func (d *Durations) Read() Histogram {
	h := Histogram{Sum: time.Duration(d.sum.Load()).Seconds()}
	for i := range d.buckets {
		if i < len(Bounds) {
			h.Bounds = append(h.Bounds, Bounds[i].Seconds())
		}
		h.add(d.buckets[i].Load())
	}
	return h
}

// sizes is how many bounds Sizes has: 1, 2, 4, 8 … 256.
const sizes = 9

// Sizes is a histogram of small numbers.
type Sizes struct {
	buckets [sizes + 1]atomic.Int64
	sum     atomic.Int64
}

// Observe counts one number.
func (s *Sizes) Observe(size int) {
	i := 0
	for i < sizes && size > 1<<i {
		i++
	}
	s.buckets[i].Add(1)
	s.sum.Add(int64(size))
}

// Read returns the histogram.
func (s *Sizes) Read() Histogram {
	h := Histogram{Sum: float64(s.sum.Load())}
	for i := range s.buckets {
		if i < sizes {
			h.Bounds = append(h.Bounds, float64(int(1)<<i))
		}
		h.add(s.buckets[i].Load())
	}
	return h
}

// Histogram is a histogram as it was at one time.
type Histogram struct {
	Bounds []float64 // upper bounds
	Counts []int64   // up to each bound, those below included; one more than there are bounds, which is the count of all
	Sum    float64
}

func (h *Histogram) add(n int64) { h.Counts = append(h.Counts, h.Count()+n) }

// Count is how many observations there are.
func (h Histogram) Count() int64 {
	if len(h.Counts) == 0 {
		return 0
	}
	return h.Counts[len(h.Counts)-1]
}
