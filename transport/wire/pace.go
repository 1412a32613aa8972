package wire

import "time"

// Pace is the generic cell rate algorithm (ATM Forum, Traffic Management 4.0, 4.4.2) for what has already happened: it counts
// always, while package rate refuses without counting.
type Pace struct{ next time.Time } // when the next event would come if they came evenly

// Add counts an event that takes so long at an even pace, and returns how far it came ahead of that.
func (p *Pace) Add(now time.Time, takes time.Duration) (ahead time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(takes)
	return p.next.Sub(now)
}
