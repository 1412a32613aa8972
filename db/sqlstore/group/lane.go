package group

// serve runs the calls of a busy key until none waits.
func (g *Group[T]) serve(k *key[T]) {
	for {
		taken, again, end := g.serveOnce(k)
		if g.serveEnds(k, taken, again, end) {
			return
		}
	}
}

// serveOnce calls Serve. It returns what Serve took, and what of that it returns.
func (g *Group[T]) serveOnce(k *key[T]) (taken, again []*Call[T], end answer) {
	defer func() { end.panic = recover() }()
	again, end.err = g.options.Serve(k.name, func() []*Call[T] {
		g.mu.Lock()
		defer g.mu.Unlock()
		calls := g.begin(k, min(len(k.queue), g.options.Size-len(taken)))
		taken = append(taken, calls...)
		return calls
	})
	return taken, again, end
}

// serveEnds answers the calls that have run, and says whether none waits any more. After an error, or a panic before any call was taken,
// those that wait are answered too: otherwise they would meet the same fault again and again.
func (g *Group[T]) serveEnds(k *key[T], taken, again []*Call[T], end answer) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside -= len(taken)
	reply(taken, again, answer{panic: end.panic})
	k.queue = append(g.stay(again, k.name), k.queue...)
	if end.err != nil || end.panic != nil && len(taken) == 0 {
		refused := g.begin(k, len(k.queue))
		g.inside -= len(refused)
		reply(refused, nil, end)
	}
	if len(k.queue) > 0 {
		return false
	}
	delete(g.keys, k.name)
	return true
}

// stay returns those of the calls with the key that wait again. Calls whose callers have left end. g.mu is held.
func (g *Group[T]) stay(calls []*Call[T], key string) (waiting []*Call[T]) {
	for _, call := range calls {
		switch {
		case call.Key != key:
		case call.gone != nil:
			call.done <- answer{err: call.gone}
		default:
			call.running = false
			g.waiting++
			waiting = append(waiting, call)
		}
	}
	return waiting
}
