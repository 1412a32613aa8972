package transport

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

var socketSeeds = []string{
	initMessage, subscribeMessage, queryMessage, `{"type":"ping"}`, `{"type":"pong","payload":null}`, `{"type":"complete","id":"1"}`,
	initMessage + "\n" + subscribeMessage + "\n" + subscribeMessage,
	initMessage + "\n" + queryMessage + "\n" + `{"type":"complete","id":"q"}` + "\n" + queryMessage,
	initMessage + "\n" + subscribeMessage + "\n" + `{"type":"complete","id":"1"}` + "\n" + subscribeMessage,
	initMessage + "\n" + `{"type":"ping","payload":{"authorization":"Bearer bad"}}`,
	initMessage + "\n" + `{"type":"ping","payload":{"authorization":"Bearer ann"}}`,
	initMessage + "\n" + initMessage, subscribeMessage + "\n" + initMessage, "x", "", "[]", "null", `{"type":"ping","type":"pong"}`, `{"type":1}`,
	`{"typ\u0065":"ping","type":"pong"}`, `{"Type":"ping"}`, `{"type":"ping","payload":[]}`, "{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}",
	`{"type":"connection_init","payload":{"authorization":5}}`, `{"type":"connection_init","payload":{"Authorization":"Bearer ann"}}`,
	initMessage + "\n" + `{"type":"subscribe","id":"\ud800","payload":{"query":"{ __typename }"}}`,
	initMessage + "\n" + `{"type":"subscribe","id":"e","payload":{"query":"{ nothing }"}}` + "\n" + `{"type":"subscribe","id":"e","payload":{"query":"{"}}`,
	initMessage + "\n" + `{"type":"subscribe","id":"v","payload":{"query":"query ($i: ID!) { chat(id: $i) { id } }","variables":{"i":[1,{"a":null}]},"operationName":null}}`,
	initMessage + "\n" + `{"type":"subscribe","id":"p","payload":{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}}`,
	`{"type":"ping"` + strings.Repeat(`,"payload":{"a":`, 70) + "1" + strings.Repeat("}", 71),
}

// FuzzSocket: a client that says anything at all, one message a line, on the real edge. The server never panics, says only
// what the protocol knows, and either closes with one of its codes or answers a ping.
func FuzzSocket(f *testing.F) {
	for _, seed := range socketSeeds {
		f.Add([]byte(seed))
	}
	var shared *world
	f.Cleanup(func() {
		if shared != nil {
			shared.close()
		}
	})
	f.Fuzz(func(t *testing.T, script []byte) {
		if shared == nil {
			shared = newWorld(t, nil)
		}
		w := *shared
		w.t = t
		c, refusal := w.dial([]string{subprotocol}, nil)
		if c == nil {
			t.Fatalf("refused: %+v", refusal)
		}
		defer func() { _ = c.conn.CloseNow() }()
		said := make(chan struct{})
		go func() {
			defer close(said)
			for line := range bytes.Lines(script) {
				_ = c.conn.Write(t.Context(), websocket.MessageText, bytes.TrimSuffix(line, []byte("\n"))) // fails once the socket has ended
			}
			_ = c.conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"ping","payload":{"last":"of all"}}`))
		}()
		listen(t, c, script)
		_ = c.conn.CloseNow()
		<-said
	})
}

// listen reads up to the answer to the last ping or the end of the socket.
func listen(t *testing.T, c *client, script []byte) {
	t.Helper()
	acknowledged := false
	ends, said := map[string]int{}, bytes.Count(script, []byte("\n"))+1
	for {
		_, raw, err := c.conn.Read(t.Context())
		if err != nil {
			switch code := closeStatus(err); code {
			case 1008, 1009, 4400, 4401, 4403, 4409, 4429:
			default:
				t.Fatalf("closed with %d: %v", code, err)
			}
			return
		}
		var m struct {
			Type, ID string
			Payload  json.RawMessage
		}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%q: %v", raw, err)
		}
		switch {
		case m.Type == "pong" && strings.Contains(string(m.Payload), `"of all"`):
			return
		case m.Type == "pong":
		case m.Type == "connection_ack" && !acknowledged && bytes.Contains(script, []byte("connection_init")):
			acknowledged = true
		case (m.Type == "next" || m.Type == "error" || m.Type == "complete") && acknowledged && m.ID != "":
			if m.Type != "next" {
				ends[m.ID]++
			}
			if ends[m.ID] > said || bytes.Contains(m.Payload, []byte(`"INTERNAL"`)) {
				t.Fatalf("%s, after %d messages", raw, said)
			}
		default:
			t.Fatalf("%s is not to be said now", raw)
		}
	}
}
