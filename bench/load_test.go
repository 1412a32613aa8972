//go:build linux

package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// load is a closed loop over HTTP/1.1: each connection has one request under way, always. One goroutine serves all connections by epoll,
// so that the client costs less than the server.
type load struct {
	addr    func(conn int) string
	conns   int
	prime   [][]byte                // requests that come first, once, and are not measured: they fill caches
	request func(conn int) []byte   // the next request of a connection
	expect  []byte                  // what each answer contains
	check   func(body []byte) error // of the first answer of each connection; nil: none
	server  func() time.Duration    // CPU time of the server so far
	warm    time.Duration
	measure time.Duration
}

// answerTimeout is how long an answer may take.
const answerTimeout = 15 * time.Second

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
		fd, err := connect(l.addr(n))
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
	begin, end := time.Now().Add(l.warm), time.Time{}
	waiting, last, answered := l.conns, time.Now(), int64(0)
	scratch := make([]byte, 64<<10)
	for waiting > 0 {
		ready, err := poll.wait()
		if err != nil {
			return sample{}, err
		}
		now := time.Now()
		switch {
		case m.started.IsZero() && now.After(begin) && len(l.prime) == 0:
			m.start(now)
			end = now.Add(l.measure)
		case !m.started.IsZero() && m.ended.IsZero() && now.After(end):
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
	if len(l.prime) > 0 {
		first := l.prime[0]
		l.prime = l.prime[1:]
		return writeAll(c.fd, first)
	}
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
