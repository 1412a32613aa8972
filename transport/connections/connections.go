// Package connections answers "why did it stop?": which connections are open on this instance, how far each has come, and how the
// last ones ended. It pulls: connections are asked when somebody looks, and otherwise cost their entry in the registry.
//
// What it shows has no token, no address and no content of messages.
package connections

import (
	"strings"
	"time"
	"unicode/utf8"
)

// The transports.
const (
	WebSocket = "websocket"
	Events    = "sse"        // one operation per stream
	Reserved  = "sse-single" // graphql-sse's single connection mode
)

// Connection is an open socket or event stream. Any goroutine may call its methods, also after its end.
type Connection interface {
	Transport() string
	User() string // "" before the viewer is known
	State() State
}

// MaxOperations is how many operations of a connection are shown. The others are counted.
const MaxOperations = 10

// State is what a connection tells of itself.
type State struct {
	Queue          Queue       `json:"queue"`
	OperationCount int         `json:"operationCount"`
	Operations     []Operation `json:"operations"` // the oldest, at most MaxOperations
	Ending         *Ending     `json:"ending"`     // null while the connection is open. It stays for a moment to say goodbye
}

// Queue is what waits for the client to read it.
type Queue struct {
	Frames   int   `json:"frames"`
	Bytes    int   `json:"bytes"`
	OldestMs int64 `json:"oldestMs"`
}

// Operation is an operation that runs on a connection.
type Operation struct {
	ID           string `json:"id"`   // as the client chose it, cut after maxText bytes; "" on a stream with one operation
	Name         string `json:"name"` // of a subscription
	Subscription bool   `json:"subscription"`
	AgeMs        int64  `json:"ageMs"`
	ChatID       string `json:"chatId"`  // of a subscription to one chat; "" for a feed
	Cursor       string `json:"cursor"`  // the place after what was delivered
	Behind       int64  `json:"behind"`  // of one chat: events that this instance knows of and has not delivered
	Chats        int    `json:"chats"`   // of a feed
	Waiting      int    `json:"waiting"` // of a feed: chats that may have events to deliver
}

// maxText bounds the texts that clients choose.
const maxText = 80

// Opening is what the registry knows of a connection.
type Opening struct {
	Number uint64 // in the order of their arrival at this instance
	At     int64  // Unix milliseconds
}

// Entry is an open connection.
type Entry struct {
	Opening
	Connection
}

// Shown is a connection as people see it.
type Shown struct {
	Number    uint64 `json:"number"`
	Transport string `json:"transport"`
	User      string `json:"user"`
	OpenedAt  string `json:"openedAt"`
	AgeMs     int64  `json:"ageMs"` // of one that ended: how long it lived
	State
}

// show asks a connection.
func (e Entry) show(now time.Time) Shown {
	s := Shown{
		Number: e.Number, Transport: e.Transport(), User: bounded(e.User()), State: e.State(),
		OpenedAt: stamp(time.UnixMilli(e.At)), AgeMs: now.UnixMilli() - e.At,
	}
	s.Operations = s.Operations[:min(len(s.Operations), MaxOperations)]
	if s.Operations == nil {
		s.Operations = []Operation{}
	}
	for i := range s.Operations {
		s.Operations[i].ID, s.Operations[i].Name = bounded(s.Operations[i].ID), bounded(s.Operations[i].Name)
	}
	if s.Ending != nil {
		s.AgeMs = s.Ending.at.UnixMilli() - e.At
	}
	return s
}

// bounded is a short copy of a text that a client chose. It is a copy, since the text may be a part of a large document, which would
// stay in memory with it.
func bounded(text string) string {
	if len(text) <= maxText {
		return strings.Clone(strings.ToValidUTF8(text, "\uFFFD"))
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return strings.ToValidUTF8(text[:end], "\uFFFD") + "…"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
