package transport

import "sync"

// seats bounds how many connections that stay (sockets and event streams) a user or an address may hold on this instance.
type seats struct {
	mu    sync.Mutex
	taken map[string]int // by user or address; no zeros, so it is as large as who is here
}

func newSeats() *seats { return &seats{taken: map[string]int{}} }

// take takes a seat, or says that all are taken. limit 0 is none. The connection calls leave when it is over.
func (s *seats) take(who string, limit int) (leave func(), ok bool) { return s.takeSome(who, 1, limit) }

// takeSome takes n seats together. Whoever has none gets any number: what is larger than everything goes alone.
func (s *seats) takeSome(who string, n, limit int) (leave func(), ok bool) {
	if limit == 0 {
		return func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if taken := s.taken[who]; taken > 0 && taken+n > limit {
		return nil, false
	}
	s.taken[who] += n
	return sync.OnceFunc(func() { s.leave(who, n) }), true
}

func (s *seats) leave(who string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taken[who] -= n; s.taken[who] <= 0 {
		delete(s.taken, who)
	}
}
