package db

import "context"

// pass is the right of a write to a connection. It is for one goroutine.
type pass struct {
	gate  *gate
	lane  lane
	slot  bool // one of slots is taken
	stuck bool // and one of stuck
}

// takeSlot waits for a connection to be free for a write.
func (p *pass) takeSlot(ctx context.Context) error {
	for {
		if p.isLaneStuck() {
			if p.gate.stuck.Acquire(ctx, 1) != nil {
				return waitedInVain(ctx)
			}
			p.stuck = true
		}
		if p.gate.slots.Acquire(ctx, 1) != nil {
			return waitedInVain(ctx)
		}
		p.slot = true
		if p.stuck || !p.isLaneStuck() {
			return nil
		}
		p.giveBack() // it became stuck meanwhile
	}
}

// again is for a write that waited for its lock in vain, and begins anew: it gives its connection back, and waits for one of
// those that locks like this one may have.
func (p *pass) again(ctx context.Context) error {
	p.giveBack()
	p.setLaneStuck(true)
	return p.takeSlot(ctx)
}

// moved says that the lane's lock is not stuck, or not any more.
func (p *pass) moved() {
	if p.isLaneStuck() {
		p.setLaneStuck(false)
	}
}

func (p *pass) isLaneStuck() bool {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	return p.gate.lanes[p.lane].stuck
}

func (p *pass) setLaneStuck(stuck bool) {
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.lanes[p.lane].stuck = stuck
}

func (p *pass) giveBack() {
	if p.slot {
		p.gate.slots.Release(1)
	}
	if p.stuck {
		p.gate.stuck.Release(1)
	}
	p.slot, p.stuck = false, false
}

// leave ends the write.
func (p *pass) leave() {
	p.giveBack()
	p.gate.mu.Lock()
	defer p.gate.mu.Unlock()
	p.gate.next(p.lane)
}
