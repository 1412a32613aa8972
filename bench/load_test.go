//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// load is a closed loop over HTTP/1.1: each connection has one request under way, always. One goroutine serves all connections by epoll,
// so that the client costs less than the server.
type load struct {
	addr    string
	conns   int
	request func(conn int) []byte   // the next request of a connection
	expect  []byte                  // what each answer contains
	check   func(body []byte) error // of the first answer of each connection; nil: none
	server  func() time.Duration    // CPU time of the server so far
	warm    time.Duration
	measure time.Duration
}

// answerTimeout is how long an answer may take.
const answerTimeout = 15 * time.Second

// sample is what one run of a scenario gave.
type sample struct {
	N        int64 // answers or deliveries that were measured
	Answered int64 // all answers, before and after the measured ones too
	Seconds  float64
	CPU      time.Duration // of the server
	P50      time.Duration
	P99      time.Duration
	Client   float64 // share of a core
}

func (s sample) rate() float64 { return float64(s.N) / s.Seconds }

// perAnswer is the server's CPU time for each answer, in microseconds.
func (s sample) perAnswer() float64 { return float64(s.CPU.Microseconds()) / float64(s.N) }

// client is a connection of a load.
type client struct {
	index    int
	fd       int
	buffer   []byte
	sent     time.Time
	answered bool // at least once
	waits    bool // for an answer
}

// run returns an error when an answer is wrong or missing: what is measured must be right.
func (l *load) run() (sample, error) {
	poll, err := newPoller()
	if err != nil {
		return sample{}, err
	}
	defer poll.close()
	clients := map[int32]*client{}
	for n := range l.conns {
		fd, err := connect(l.addr)
		if err != nil {
			return sample{}, err
		}
		defer syscall.Close(fd)
		clients[int32(fd)] = &client{index: n, fd: fd}
		if err := poll.add(fd); err != nil {
			return sample{}, err
		}
	}
	for _, c := range clients {
		if err := l.send(c); err != nil {
			return sample{}, err
		}
	}
	m := meter{server: l.server}
	begin, end := time.Now().Add(l.warm), time.Now().Add(l.warm+l.measure)
	waiting, last, answered := l.conns, time.Now(), int64(0)
	scratch := make([]byte, 64<<10)
	for waiting > 0 {
		ready, err := poll.wait()
		if err != nil {
			return sample{}, err
		}
		now := time.Now()
		if m.started.IsZero() && now.After(begin) {
			m.start(now)
		}
		if m.ended.IsZero() && now.After(end) {
			m.end(now)
		}
		for _, event := range ready {
			c := clients[event.Fd]
			took, done, err := l.receive(c, scratch)
			if err != nil {
				return sample{}, fmt.Errorf("connection %d: %w", c.index, err)
			}
			if !done {
				continue
			}
			last = now
			answered++
			m.add(took)
			if !m.ended.IsZero() {
				waiting--
			} else if err := l.send(c); err != nil {
				return sample{}, err
			}
		}
		if now.Sub(last) > answerTimeout {
			return sample{}, fmt.Errorf("%d answers are missing after %v", waiting, answerTimeout)
		}
	}
	s := m.sample()
	s.Answered = answered
	return s, nil
}

func (l *load) send(c *client) error {
	c.sent, c.waits = time.Now(), true
	return writeAll(c.fd, l.request(c.index))
}

// receive reads what has come, and reports whether the answer is complete.
func (l *load) receive(c *client, scratch []byte) (took time.Duration, done bool, err error) {
	n, err := syscall.Read(c.fd, scratch)
	switch {
	case errors.Is(err, syscall.EAGAIN), errors.Is(err, syscall.EINTR):
		return 0, false, nil
	case err != nil:
		return 0, false, err
	case n == 0:
		return 0, false, io.ErrUnexpectedEOF
	case !c.waits:
		return 0, false, errors.New("an answer that nothing asked for")
	}
	raw := scratch[:n]
	if len(c.buffer) > 0 {
		c.buffer = append(c.buffer, raw...)
		raw = c.buffer
	}
	if !complete(raw) {
		c.buffer = append(c.buffer[:0], raw...)
		return 0, false, nil
	}
	took, c.waits = time.Since(c.sent), false
	err = l.judge(c, raw)
	c.buffer = c.buffer[:0]
	return took, true, err
}

func (l *load) judge(c *client, raw []byte) error {
	if !bytes.HasPrefix(raw, []byte("HTTP/1.1 200 ")) || !bytes.Contains(raw, l.expect) || bytes.Contains(raw, []byte(`"errors"`)) {
		return fmt.Errorf("a wrong answer: %.600s", raw)
	}
	if c.answered || l.check == nil {
		return nil
	}
	c.answered = true
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
	if err != nil {
		return err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return err
	}
	return l.check(body)
}

// complete reports whether raw is a whole response, with a Content-Length or in chunks.
func complete(raw []byte) bool {
	head, body, found := bytes.Cut(raw, []byte("\r\n\r\n"))
	if !found {
		return false
	}
	for _, name := range []string{"Content-Length: ", "content-length: "} {
		if _, rest, ok := bytes.Cut(head, []byte(name)); ok {
			digits, _, _ := bytes.Cut(rest, []byte("\r\n"))
			length, err := strconv.Atoi(string(digits))
			return err == nil && len(body) >= length
		}
	}
	return bytes.HasSuffix(body, []byte("0\r\n\r\n"))
}

// post is a GraphQL request as bytes.
func post(addr, path, user, document string, variables map[string]any) []byte {
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		panic(err) // maps of plain values
	}
	return postBytes(addr, path, user, body)
}

func postBytes(addr, path, user string, body []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\nContent-Length: %d\r\n", path, addr, len(body))
	if user != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", token(user))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// meter counts between start and end.
type meter struct {
	server         func() time.Duration
	started, ended time.Time
	cpu0, cpu1     time.Duration
	own0, own1     time.Duration
	took           []time.Duration
}

func (m *meter) start(now time.Time) {
	m.started, m.cpu0, m.own0 = now, m.server(), cpuOf(syscall.Getpid())
	m.took = make([]time.Duration, 0, 1<<18)
}

func (m *meter) end(now time.Time) {
	m.ended, m.cpu1, m.own1 = now, m.server(), cpuOf(syscall.Getpid())
}

func (m *meter) add(took time.Duration) {
	if !m.started.IsZero() && m.ended.IsZero() {
		m.took = append(m.took, took)
	}
}

func (m *meter) sample() sample {
	seconds := m.ended.Sub(m.started).Seconds()
	slices.Sort(m.took)
	return sample{
		N: int64(len(m.took)), Seconds: seconds, CPU: m.cpu1 - m.cpu0, Client: (m.own1 - m.own0).Seconds() / seconds,
		P50: percentile(m.took, 50), P99: percentile(m.took, 99),
	}
}

// percentile of sorted values; 0 of none.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100]
}

// poller is an epoll of the kernel.
type poller struct {
	fd     int
	events [512]syscall.EpollEvent
}

func newPoller() (*poller, error) {
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	return &poller{fd: fd}, err
}

func (p *poller) close() { _ = syscall.Close(p.fd) }

func (p *poller) add(fd int) error {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	return syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
}

func (p *poller) remove(fd int) { _ = syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_DEL, fd, nil) }

// wait returns the sockets that can be read, or none after 100 ms.
func (p *poller) wait() ([]syscall.EpollEvent, error) {
	n, err := syscall.EpollWait(p.fd, p.events[:], 100)
	if err == syscall.EINTR {
		return nil, nil
	}
	return p.events[:max(n, 0)], err
}

// connect opens a socket of this machine, which blocks until the poller gets it; reads wait for 20 s at most.
func connect(addr string) (int, error) {
	_, digits, err := net.SplitHostPort(addr)
	if err != nil {
		return 0, err
	}
	port, err := strconv.Atoi(digits)
	if err != nil {
		return 0, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 20})
	_ = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err := syscall.Connect(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		_ = syscall.Close(fd)
		return 0, fmt.Errorf("connect to %s: %w", addr, err)
	}
	return fd, nil
}

// writeAll writes to a socket with room for it: requests are small.
func writeAll(fd int, p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Write(fd, p)
		if err == syscall.EAGAIN || err == syscall.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}
