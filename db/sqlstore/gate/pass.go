package gate

import "context"

// Pass is the right of a write to a connection. It is for one goroutine.
type Pass struct {
	gate  *Gate
	key   Key
	slot  bool // it holds one of slots
	stuck bool // it holds one of stuck
}

// takeSlot waits until a connection is free for a write.
func (p *Pass) takeSlot(ctx context.Context) error {
	for {
		if p.isStuck() {
			if p.gate.stuck.Acquire(ctx, 1) != nil {
				return waitedInVain(ctx)
			}
			p.stuck = true
		}
		if p.gate.slots.Acquire(ctx, 1) != nil {
			return waitedInVain(ctx)
		}
		p.slot = true
		if p.stuck || !p.isStuck() {
			return nil
		}
		p.giveBack() // it became stuck meanwhile
	}
}

// Again is for a write that did not get its lock in time and starts again: it gives its connection back, and waits for one of those
// that are for such locks.
func (p *Pass) Again(ctx context.Context) error {
	p.giveBack()
	p.setStuck(true)
	return p.takeSlot(ctx)
}

// Moved reports that the write got its lock.
func (p *Pass) Moved() { p.setStuck(false) }

func (p *Pass) isStuck() bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.gate.keys[p.key].stuck
}

func (p *Pass) setStuck(stuck bool) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.keys[p.key].stuck = stuck
}

func (p *Pass) giveBack() {
	if p.slot {
		p.gate.slots.Release(1)
	}
	if p.stuck {
		p.gate.stuck.Release(1)
	}
	p.slot, p.stuck = false, false
}

// Leave ends the write.
func (p *Pass) Leave() {
	p.giveBack()
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.next(p.key)
}
