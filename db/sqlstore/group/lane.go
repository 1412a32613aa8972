package group

// toLane hands a call to the lane of its key. w.mu is held.
func (w *worker[T]) toLane(call *Call[T]) {
	if call.gone != nil {
		call.done <- answer{err: call.gone}
		return
	}
	call.state = inLane
	w.count(call, +1)
	if lane := w.lanes[call.Key]; lane != nil {
		lane.queue = append(lane.queue, call)
		return
	}
	l := &lane[T]{queue: []*Call[T]{call}}
	w.lanes[call.Key] = l
	w.group.tasks.Go(func() { w.serve(call.Key, l) })
}

// serve runs the calls of a busy key until none waits.
func (w *worker[T]) serve(key string, l *lane[T]) {
	for {
		taken, again, end := w.serveOnce(key, l)
		if w.serveEnds(key, l, taken, again, end) {
			return
		}
	}
}

// serveOnce calls Serve. It returns what Serve took, and what of that it returns.
func (w *worker[T]) serveOnce(key string, l *lane[T]) (taken, again []*Call[T], end answer) {
	defer func() { end.panic = recover() }()
	again, end.err = w.group.options.Serve(key, func() []*Call[T] {
		w.mu.Lock()
		defer w.mu.Unlock()
		calls := w.empty(l, min(len(l.queue), w.group.options.Size-len(taken)))
		taken = append(taken, calls...)
		return calls
	})
	return taken, again, end
}

// serveEnds answers the calls that have run, and says whether none waits any more. After an error, or a panic before any call was taken,
// those that wait are answered too: otherwise they would meet the same fault again and again.
func (w *worker[T]) serveEnds(key string, l *lane[T], taken, again []*Call[T], end answer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	reply(taken, again, answer{panic: end.panic})
	l.queue = append(w.stay(again), l.queue...)
	if end.err != nil || end.panic != nil && len(taken) == 0 {
		reply(w.empty(l, len(l.queue)), nil, end)
	}
	if len(l.queue) > 0 {
		return false
	}
	delete(w.lanes, key)
	return true
}

// stay returns those of the calls to try again whose callers are still there.
func (w *worker[T]) stay(again []*Call[T]) (calls []*Call[T]) {
	for _, call := range again {
		if call.gone != nil {
			call.done <- answer{err: call.gone}
			continue
		}
		call.state = inLane
		w.count(call, +1)
		calls = append(calls, call)
	}
	return calls
}

// empty takes the first n calls out of a lane. w.mu is held.
func (w *worker[T]) empty(l *lane[T], n int) []*Call[T] {
	calls := l.queue[:n:n]
	l.queue = l.queue[n:]
	for _, call := range calls {
		call.state = running
		w.count(call, -1)
	}
	return calls
}
