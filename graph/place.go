package graph

import "studychat/events"

// Place is how far a subscription has come.
type Place struct {
	events.Place

	Operation string // the name of the operation in its document; "" without one
}

// Place may be called from when Follow has returned, by any goroutine, also after Stop.
func (s *Subscription) Place() Place {
	p := Place{Operation: s.audience.name}
	if placed, ok := s.stream.(events.Placed); ok {
		p.Place = placed.Place()
	}
	return p
}
