package transport

import (
	"bytes"
	"encoding/json"

	"github.com/coder/websocket"
)

// MaxOperations is how many operations a socket may have open at once.
const MaxOperations = 50

// Close codes of graphql-transport-ws that the gate uses, beyond those in websocket.go.
const (
	closeUnauthorized  = websocket.StatusCode(4401)
	closeDuplicate     = websocket.StatusCode(4409)
	closeTooManyInits  = websocket.StatusCode(4429)
	maxOperationID     = 200 // bytes
	reasonBadMessage   = "Invalid message received"
	reasonUnauthorized = "Unauthorized"
	reasonTooManyInits = "Too many initialisation requests"
)

// gate holds a client to graphql-transport-ws (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md) where
// gqlgen does not: it knows which operations are open, by what it has seen pass in both directions. The socket's lock
// guards it.
type gate struct {
	initialised bool // connection_init has passed
	acked       bool
	open        map[string]bool // ids of operations; false once an error was sent, which ends one without a complete
}

type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"id"`
	Payload json.RawMessage `json:"payload"`
}

// verdict is what becomes of a client's message: it passes, it is answered and dropped, or the socket closes.
type verdict struct {
	answer any
	code   websocket.StatusCode // 0: the socket goes on
	reason string
}

var pass = verdict{}

func violation(code websocket.StatusCode, reason string) verdict {
	return verdict{code: code, reason: reason}
}

// receive judges a message of the client.
func (g *gate) receive(message []byte) verdict {
	var m envelope
	if err := json.Unmarshal(message, &m); err != nil {
		return violation(closeBadRequest, reasonBadMessage)
	}
	switch m.Type {
	case "connection_init":
		if g.initialised {
			return violation(closeTooManyInits, reasonTooManyInits)
		}
		g.initialised = true
		return objectOrNothing(m.Payload)
	case "ping", "pong":
		return objectOrNothing(m.Payload)
	case "subscribe":
		return g.subscribe(m)
	case "complete":
		delete(g.open, m.ID)
		return pass
	}
	return violation(closeBadRequest, reasonBadMessage)
}

func (g *gate) subscribe(m envelope) verdict {
	switch _, taken := g.open[m.ID]; {
	case !g.acked:
		return violation(closeUnauthorized, reasonUnauthorized)
	case m.ID == "" || len(m.ID) > maxOperationID || !isOperation(m.Payload):
		return violation(closeBadRequest, reasonBadMessage)
	case taken:
		return violation(closeDuplicate, "Subscriber for "+shortID(m.ID)+" already exists")
	case len(g.open) >= MaxOperations:
		return verdict{answer: tooManyOperations(m.ID)}
	}
	if g.open == nil {
		g.open = map[string]bool{}
	}
	g.open[m.ID] = true
	return pass
}

// shortID keeps a close reason below the 123 bytes that RFC 6455 allows.
func shortID(id string) string { return string(bytes.ToValidUTF8([]byte(id[:min(len(id), 60)]), nil)) }

// isOperation says whether a payload has the types that an operation needs.
func isOperation(payload json.RawMessage) bool {
	var p struct {
		Query         *string        `json:"query"`
		OperationName *string        `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
	}
	return json.Unmarshal(payload, &p) == nil && p.Query != nil
}

func objectOrNothing(payload json.RawMessage) verdict {
	if len(payload) == 0 || payload[0] == '{' || string(payload) == "null" {
		return pass
	}
	return violation(closeBadRequest, reasonBadMessage)
}

func tooManyOperations(id string) any {
	return map[string]any{"type": "error", "id": id, "payload": []any{map[string]any{
		"message":    "A connection may have at most 50 operations open.",
		"extensions": map[string]any{"code": "RATE_LIMITED", "retryAfterMs": 1000, "limit": MaxOperations},
	}}}
}

// send judges a message of gqlgen: false means that it must not reach the client. gqlgen sends a complete after an
// error, and after the client's own complete; the protocol allows neither.
func (g *gate) send(message []byte) bool {
	var kind string
	for _, k := range []string{"complete", "error", "connection_ack"} {
		if bytes.HasSuffix(message, []byte(`"type":"`+k+`"}`)) {
			kind = k
		}
	}
	if kind == "" {
		return true
	}
	if kind == "connection_ack" {
		g.acked = true
		return true
	}
	var m envelope
	_ = json.Unmarshal(message, &m) // gqlgen made it
	going, known := g.open[m.ID]
	if kind == "error" {
		if known {
			g.open[m.ID] = false
		}
		return known
	}
	delete(g.open, m.ID)
	return known && going
}
