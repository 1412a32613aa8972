//go:build linux

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const eventsDocument = `subscription Events($c: ID!) { chatEvents(chatId: $c) { __typename cursor ... on MessageSent { seq message { id seq content createdAt author { id name } } } } }`

// carrier is how events travel.
type carrier int

const (
	overRaw    carrier = iota // a WebSocket that gets each published text; no handshake beyond HTTP's
	overSocket                // graphql-transport-ws
	overEvents                // Server-Sent Events
)

// crowd is many subscribers of one client process. One goroutine reads all sockets by epoll.
type crowd struct {
	carrier carrier
	addr    func(n int) string
	path    string
	user    func(n int) string // "" is nobody
	chat    func(n int) int

	all  []*subscriber
	byFD [1 << 16]atomic.Pointer[subscriber]
	poll *poller
	done sync.WaitGroup
	quit atomic.Bool

	received atomic.Int64 // deliveries
	last     atomic.Int64 // when, in nanoseconds since 1970
	bytes    atomic.Int64
	broken   atomic.Pointer[error]

	mu      sync.Mutex
	record  bool
	latency []time.Duration
}

// subscriber is one connection. Its counts belong to the reading goroutine until the crowd is quiet.
type subscriber struct {
	fd     int
	buffer []byte // bytes of an incomplete frame
	parts  []byte // of a fragmented message
	got    atomic.Int64
	sum    atomic.Int64 // of the stamps of what it got: the same for all when each got everything once
}

// connect opens n subscribers more, eight at a time.
func (c *crowd) connect(n int) error {
	if err := c.listen(); err != nil {
		return err
	}
	from := len(c.all)
	c.all = append(c.all, make([]*subscriber, n)...)
	var next atomic.Int64
	var opening sync.WaitGroup
	failures := make(chan error, 8)
	for range 8 {
		opening.Go(func() {
			for {
				i := from + int(next.Add(1)) - 1
				if i >= len(c.all) {
					return
				}
				s, err := c.open(i)
				if err != nil {
					failures <- fmt.Errorf("subscriber %d: %w", i, err)
					return
				}
				c.all[i] = s
			}
		})
	}
	opening.Wait()
	close(failures)
	return errors.Join(slices.Collect(drain(failures))...)
}

func drain(failures chan error) func(yield func(error) bool) {
	return func(yield func(error) bool) {
		for err := range failures {
			if !yield(err) {
				return
			}
		}
	}
}

func (c *crowd) open(n int) (*subscriber, error) {
	fd, err := connect(c.addr(n))
	if err != nil {
		return nil, err
	}
	s := &subscriber{fd: fd}
	c.byFD[fd].Store(s)
	if err := errors.Join(c.handshake(s, n), c.poll.add(fd)); err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	return s, nil
}

// listen begins to read the sockets, until close.
func (c *crowd) listen() (err error) {
	if c.poll != nil {
		return nil
	}
	if c.poll, err = newPoller(); err != nil {
		return err
	}
	c.done.Go(func() {
		scratch := make([]byte, 256<<10)
		var took []time.Duration
		for !c.quit.Load() {
			ready, err := c.poll.wait()
			if err != nil {
				c.fail(err)
				return
			}
			took = took[:0]
			for _, event := range ready {
				if took, err = c.read(c.byFD[event.Fd].Load(), scratch, took); err != nil {
					c.poll.remove(int(event.Fd))
					c.fail(err)
				}
			}
			if len(took) > 0 {
				c.note(took)
			}
		}
	})
	return nil
}

func (c *crowd) fail(err error) { c.broken.CompareAndSwap(nil, &err) }

func (c *crowd) err() error {
	if err := c.broken.Load(); err != nil {
		return *err
	}
	return nil
}

func (c *crowd) note(took []time.Duration) {
	c.received.Add(int64(len(took)))
	c.last.Store(time.Now().UnixNano())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.record {
		c.latency = append(c.latency, took...)
	}
}

// read takes what a socket has, and appends how long each delivery in it was under way.
func (c *crowd) read(s *subscriber, scratch []byte, took []time.Duration) ([]time.Duration, error) {
	n, err := syscall.Read(s.fd, scratch)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return took, nil
	case err != nil:
		return took, err
	case n == 0:
		return took, errors.New("the server closed a stream")
	}
	c.bytes.Add(int64(n))
	raw := scratch[:n]
	if len(s.buffer) > 0 {
		s.buffer = append(s.buffer, raw...)
		raw = s.buffer
	}
	now := time.Now().UnixNano()
	split := s.frames
	if c.carrier == overEvents {
		split = s.blocks
	}
	rest, err := split(raw, func(text []byte) {
		for _, stamp := range stamps(text) {
			s.got.Add(1)
			s.sum.Add(stamp)
			took = append(took, time.Duration(now-stamp))
		}
	})
	s.buffer = append(s.buffer[:0], rest...)
	return took, err
}

// frames calls see with each complete message of a WebSocket, and answers pings.
func (s *subscriber) frames(raw []byte, see func([]byte)) ([]byte, error) {
	for {
		f, rest, ok := nextFrame(raw)
		if !ok {
			return raw, nil
		}
		switch {
		case f.opcode == pingFrame:
			if err := writeAll(s.fd, append([]byte{0x80 | pongFrame, 0x80 | byte(len(f.payload)), 0, 0, 0, 0}, f.payload...)); err != nil {
				return nil, err
			}
		case f.opcode == closeFrame:
			return nil, fmt.Errorf("closed: %q", f.payload)
		case f.opcode == pongFrame:
		case f.final && f.opcode == textFrame:
			if err := s.text(f.payload, see); err != nil {
				return nil, err
			}
		default:
			s.parts = append(s.parts, f.payload...)
			if f.final {
				see(s.parts)
				s.parts = s.parts[:0]
			}
		}
		raw = rest
	}
}

func (s *subscriber) text(payload []byte, see func([]byte)) error {
	see(payload)
	head := begins(payload)
	if bytes.Contains(head, []byte(`"type":"ping"`)) {
		return writeAll(s.fd, clientFrame(textFrame, map[string]any{"type": "pong"}))
	}
	if bytes.Contains(head, []byte(`"type":"error"`)) || bytes.Contains(head, []byte(`"errors":[`)) || bytes.Contains(head, []byte("StreamReset")) {
		return fmt.Errorf("an error instead of an event: %s", payload)
	}
	return nil
}

// begins is the part of a message that says what it is: errors come before data, and __typename is the first field. To look through all of
// each message took the client longer than a server takes to deliver it.
func begins(message []byte) []byte { return message[:min(len(message), 192)] }

// blocks calls see with each complete event of a stream; the heads of the chunks between them hold no stamps.
func (s *subscriber) blocks(raw []byte, see func([]byte)) ([]byte, error) {
	for {
		block, rest, ok := bytes.Cut(raw, []byte("\n\n"))
		if !ok {
			return raw, nil
		}
		if head := begins(block); bytes.Contains(head, []byte(`"errors":[`)) || bytes.Contains(head, []byte("StreamReset")) {
			return nil, fmt.Errorf("an error instead of an event: %s", block)
		}
		see(block)
		raw = rest
	}
}

// close ends all subscribers.
func (c *crowd) close() {
	c.quit.Store(true)
	c.done.Wait()
	for _, s := range c.all {
		if s != nil {
			_ = syscall.Close(s.fd)
		}
	}
	if c.poll != nil {
		c.poll.close()
	}
}
