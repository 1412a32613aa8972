// Package sample decides which lines of a log are written, where anybody may cause as many as they like.
package sample

import (
	"sync"
	"time"
)

// Lines lets through the first lines of each kind in each period of time, and counts the others. K is what lines are alike by: it must be
// of a short list, since each kind is kept.
type Lines[K comparable] struct {
	every time.Duration
	most  int

	mu    sync.Mutex
	kinds map[K]*period
}

// period is what has come since it began.
type period struct {
	began   time.Time
	written int
	leftOut int
}

// NewLines lets through at most that many lines of each kind in every period.
func NewLines[K comparable](every time.Duration, most int) *Lines[K] {
	return &Lines[K]{every: every, most: most, kinds: map[K]*period{}}
}

// Due says whether a line of the kind may be written now, and how many were left out since the last one that was.
func (l *Lines[K]) Due(kind K) (leftOut int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p, now := l.kinds[kind], time.Now()
	if p == nil {
		p = &period{began: now}
		l.kinds[kind] = p
	}
	if now.Sub(p.began) >= l.every {
		p.began, p.written = now, 0
	}
	if p.written >= l.most {
		p.leftOut++
		return 0, false
	}
	p.written++
	leftOut, p.leftOut = p.leftOut, 0
	return leftOut, true
}
