// Package delivery counts what a hub delivers, and how long that took.
package delivery

import (
	"time"

	"studychat/metrics/tally"
)

// Path is how the hub got to know of an event.
type Path uint8

// The paths.
const (
	Unknown Path = iota // it is old: somebody reads what happened before they came
	Local               // this instance has written it
	Bus                 // another instance has, and told of it
	Sweep               // the database was asked
)

// Paths names those paths whose times are counted.
var Paths = map[Path]string{Local: "local", Bus: "bus", Sweep: "sweep"}

// Stats is what one hub has done.
type Stats struct {
	Delivered tally.Family[string, tally.Counter] // by kind: events that were handed to connections
	Resets    tally.Family[string, tally.Counter] // by reason
	Gaps      tally.Counter
	Sweeps    tally.Durations

	took [Sweep + 1]tally.Durations
}

// Event counts an event that was handed to n connections, so long after it was written.
func (s *Stats) Event(kind string, path Path, took time.Duration, n int) {
	s.Delivered.Of(kind).Add(int64(n))
	if path != Unknown {
		s.took[path].ObserveMany(took, n)
	}
}

// Took is how long deliveries took, by path.
func (s *Stats) Took() map[string]*tally.Durations {
	all := map[string]*tally.Durations{}
	for path, name := range Paths {
		all[name] = &s.took[path]
	}
	return all
}

// Following is what is followed at a moment.
type Following struct {
	Topics int // chats that somebody follows, by themselves or in a feed
	Chats  int // streams of one chat
	Feeds  int // streams of all chats of a viewer
}
