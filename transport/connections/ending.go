package connections

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"studychat/metrics/tally"
)

// Ending is how a connection ended.
type Ending struct {
	Code     int    `json:"code"`     // the close code of a socket; 0 for an event stream, which has none
	ByClient bool   `json:"byClient"` // by the client's close frame
	Reason   string `json:"reason"`   // in words, for people
	EndedAt  string `json:"endedAt"`

	at       time.Time
	answered bool // see Answered
}

// lost is the code of a socket that ended without a close frame (RFC 6455, 7.4.1). It is never sent.
const lost = 1006

// ByServer is the end by this server, with the reason that the client gets.
func ByServer(code int, reason string) *Ending {
	ending := end(code, false, words(code, reason))
	ending.answered = reason == Answered
	return ending
}

// ByClient is the end by the client's close frame. Its own reason is not shown: a client may write anything there.
func ByClient(code int) *Ending {
	reason, known := goodbyes[code]
	if !known {
		reason = fmt.Sprintf("The client closed the connection with code %d.", code)
	}
	return end(code, true, reason)
}

// Lost is the end of a socket whose connection broke, by the error of reading or writing; nil if there is none.
func Lost(err error) *Ending { return end(lost, false, lostWords(err)) }

func end(code int, byClient bool, reason string) *Ending {
	now := time.Now()
	return &Ending{Code: code, ByClient: byClient, Reason: reason, EndedAt: stamp(now), at: now}
}

func lostWords(err error) string {
	timeout, _ := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "The connection was closed without a close frame, by the client's machine or by a proxy in between."
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "The connection was reset: the client's program ended, or a proxy in between gave up."
	case errors.Is(err, os.ErrDeadlineExceeded), timeout != nil && timeout.Timeout():
		return "The network did not carry anything for too long."
	}
	return "The connection was lost: it could not be read or written any more."
}

// MaxEnded is how many ended connections are remembered.
const MaxEnded = 200

// Closed is a kind of end.
type Closed struct {
	Transport string
	Code      int    // the close code; 0 for an event stream, and for a code that a client made up
	Reason    string // who ended it: server, client, or lost
}

// Usual are the kinds of ends that come sooner or later. Their counts begin at 0, so that already the first one is seen as a change.
var Usual = []Closed{
	{WebSocket, 1000, "client"}, {WebSocket, 1001, "client"}, {WebSocket, 1005, "client"}, {WebSocket, lost, "lost"},
	{WebSocket, 1008, "server"}, {WebSocket, 1012, "server"}, {WebSocket, 1013, "server"}, {WebSocket, 4403, "server"}, {WebSocket, 4408, "server"},
	{Events, 0, "server"},
}

// closed keeps the list of kinds short: a client may choose any code.
func (s Shown) closed() Closed {
	c := Closed{s.Transport, s.Ending.Code, "server"}
	switch {
	case s.Ending.ByClient:
		c.Reason = "client"
		if _, known := goodbyes[c.Code]; !known {
			c.Code = 0
		}
	case c.Code == lost:
		c.Reason = "lost"
	}
	return c
}

// Endings remembers the connections that ended last.
type Endings struct {
	Counts tally.Family[Closed, tally.Counter]

	mu   sync.Mutex
	ring []Shown
	next int
}

// Add remembers a connection that has ended, unless it was a stream for one answer: clients that send every query by an event stream
// would push out all others.
func (e *Endings) Add(one Entry) {
	shown := one.show(time.Now())
	switch {
	case shown.Ending == nil:
		shown.Ending = ByServer(0, "")
		shown.AgeMs = shown.Ending.at.UnixMilli() - one.At
	case shown.Ending.answered:
		e.Counts.Of(shown.closed()).Add(1)
		return
	}
	e.Counts.Of(shown.closed()).Add(1)
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.ring) < MaxEnded {
		e.ring = append(e.ring, shown)
		return
	}
	e.ring[e.next] = shown
	e.next = (e.next + 1) % MaxEnded
}

// newest returns those that match, the newest first.
func (e *Endings) newest(matches func(transport, user string) bool) []Shown {
	e.mu.Lock()
	defer e.mu.Unlock()
	found := []Shown{}
	for i := range e.ring {
		one := e.ring[(e.next-1-i+2*len(e.ring))%len(e.ring)]
		if matches(one.Transport, one.User) {
			found = append(found, one)
		}
	}
	return found
}
