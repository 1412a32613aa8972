package transport

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

const (
	initMessage      = `{"type":"connection_init"}`
	subscribeMessage = `{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}`
)

// acked is a gate after the handshake.
func acked() *gate {
	g := &gate{}
	g.receive([]byte(initMessage))
	g.send([]byte(`{"type":"connection_ack"}`))
	return g
}

func TestGateCloses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 150)
	for _, c := range []struct {
		reason string
		before []string // messages that pass
		last   string
		code   websocket.StatusCode // 0: passes too
	}{
		{"a subscription", nil, subscribeMessage, 0},
		{"with everything", nil, `{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":"A","variables":{"x":1},"extensions":{}}}`, 0},
		{"with nulls", nil, `{"type":"subscribe","id":"1","payload":{"query":"{ a }","operationName":null,"variables":null,"extensions":null}}`, 0},
		{"an id again after its complete", []string{subscribeMessage, `{"type":"complete","id":"1"}`}, subscribeMessage, 0},
		{"another id", []string{subscribeMessage}, `{"type":"subscribe","id":"2","payload":{"query":"{ a }"}}`, 0},
		{"a ping", nil, `{"type":"ping"}`, 0},
		{"a pong with a payload", nil, `{"type":"pong","payload":{"a":1}}`, 0},
		{"a complete of nothing", nil, `{"type":"complete","id":"9"}`, 0},
		{"an id twice", []string{subscribeMessage}, subscribeMessage, 4409},
		{"a long id twice", []string{`{"type":"subscribe","id":"` + long[:180] + `","payload":{"query":"{ a }"}}`}, `{"type":"subscribe","id":"` + long[:180] + `","payload":{"query":"{ a }"}}`, 4409},
		{"a second init", nil, initMessage, 4429},
		{"no JSON", nil, `x`, 4400},
		{"empty", nil, ``, 4400},
		{"a list", nil, `[]`, 4400},
		{"a number", nil, `5`, 4400},
		{"null", nil, `null`, 4400},
		{"no type", nil, `{}`, 4400},
		{"an unknown type", nil, `{"type":"hello"}`, 4400},
		{"a type of the legacy protocol", nil, `{"type":"start","id":"1","payload":{"query":"{ a }"}}`, 4400},
		{"a type of the server's", nil, `{"type":"next","id":"1"}`, 4400},
		{"a type that is a number", nil, `{"type":1}`, 4400},
		{"no id", nil, `{"type":"subscribe","payload":{"query":"{ a }"}}`, 4400},
		{"a long id", nil, `{"type":"subscribe","id":"` + strings.Repeat("x", 201) + `","payload":{"query":"{ a }"}}`, 4400},
		{"no payload", nil, `{"type":"subscribe","id":"1"}`, 4400},
		{"a payload that is a text", nil, `{"type":"subscribe","id":"1","payload":"{ a }"}`, 4400},
		{"no query", nil, `{"type":"subscribe","id":"1","payload":{}}`, 4400},
		{"a query that is a number", nil, `{"type":"subscribe","id":"1","payload":{"query":1}}`, 4400},
		{"variables that are a list", nil, `{"type":"subscribe","id":"1","payload":{"query":"{ a }","variables":[]}}`, 4400},
		{"extensions that are a text", nil, `{"type":"subscribe","id":"1","payload":{"query":"{ a }","extensions":"x"}}`, 4400},
		{"a ping with a text", nil, `{"type":"ping","payload":"x"}`, 4400},
	} {
		g := acked()
		for _, message := range c.before {
			if v := g.receive([]byte(message)); v.code != 0 {
				t.Fatalf("%s: %s closes with %d", c.reason, message, v.code)
			}
		}
		v := g.receive([]byte(c.last))
		if v.code != c.code || len(v.reason) > 123 {
			t.Errorf("%s: %d %q, want %d", c.reason, v.code, v.reason, c.code)
		}
	}
}

func TestGateBeforeTheAck(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, message string
		code            websocket.StatusCode
	}{
		{"a subscription before init", subscribeMessage, 4401},
		{"init with an object", `{"type":"connection_init","payload":{"Authorization":"x"}}`, 0},
		{"init with null", `{"type":"connection_init","payload":null}`, 0},
		{"init with a list", `{"type":"connection_init","payload":[]}`, 4400},
		{"init with a text", `{"type":"connection_init","payload":"x"}`, 4400},
		{"a ping", `{"type":"ping"}`, 0},
	} {
		if v := (&gate{}).receive([]byte(c.message)); v.code != c.code {
			t.Errorf("%s: %d, want %d", c.reason, v.code, c.code)
		}
	}
	g := &gate{}
	g.receive([]byte(initMessage))
	if v := g.receive([]byte(subscribeMessage)); v.code != 4401 {
		t.Errorf("between init and ack: %d", v.code)
	}
}

func TestGateBoundsOperations(t *testing.T) {
	t.Parallel()
	g := acked()
	subscribe := func(n int) verdict {
		return g.receive(fmt.Appendf(nil, `{"type":"subscribe","id":"%d","payload":{"query":"{ a }"}}`, n))
	}
	for n := range MaxOperations {
		if v := subscribe(n); v.code != 0 || v.answer != nil {
			t.Fatalf("operation %d: %+v", n, v)
		}
	}
	if v := subscribe(1000); v.answer == nil || v.code != 0 {
		t.Errorf("one more: %+v", v)
	}
	g.send([]byte(`{"id":"7","type":"complete"}`))
	if v := subscribe(1000); v.answer != nil || v.code != 0 {
		t.Errorf("after one ended: %+v", v)
	}
}

func TestGateSends(t *testing.T) {
	t.Parallel()
	g := acked()
	g.receive([]byte(subscribeMessage))
	for _, step := range []struct {
		reason, message string
		sent            bool
	}{
		{"an event", `{"payload":{"data":{"type":"complete"}},"id":"1","type":"next"}`, true},
		{"the error", `{"payload":[{"message":"x"}],"id":"1","type":"error"}`, true},
		{"gqlgen's complete after it", `{"id":"1","type":"complete"}`, false},
		{"a ping", `{"type":"ping"}`, true},
	} {
		if got := g.send([]byte(step.message)); got != step.sent {
			t.Errorf("%s: sent %t", step.reason, got)
		}
	}
	g.receive([]byte(subscribeMessage))
	if !g.send([]byte(`{"id":"1","type":"complete"}`)) {
		t.Error("the server's own complete was held back")
	}
	g.receive([]byte(subscribeMessage))
	g.receive([]byte(`{"type":"complete","id":"1"}`))
	if g.send([]byte(`{"id":"1","type":"complete"}`)) {
		t.Error("the client's complete was answered with another")
	}
}
