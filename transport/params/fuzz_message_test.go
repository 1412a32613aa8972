package params

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

var messageSeeds = []string{
	`{"type":"ping"}`, `{"type":"ping","payload":{"a":1}}`, `{"type":"complete","id":"1"}`, `{"type":"complete"}`, `[]`, `null`, `{`, "", `{}{}`,
	`{"typ\u0065":"ping","type":"pong"}`, `{"Type":"ping"}`, `{"type":null,"id":5}`, "{\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}",
	`{"type":"subscribe","id":"\ud800","payload":{"query":"{ __typename }"}}`, `{"type":"subscribe","id":"1","payload":{"variables":{"n":1e400}}}`,
	`{"type":"ping"` + strings.Repeat(`,"payload":{"a":`, 70) + "1" + strings.Repeat("}", 71),
}

// FuzzMessage: the decoder of messages against encoding/json. What it takes is one JSON object in which no name comes twice,
// and it reads what encoding/json reads; what it refuses breaks one of these rules.
func FuzzMessage(f *testing.F) {
	for _, seed := range messageSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		message := showBrokenUTF8(raw)
		m, ok := FromMessage(raw)
		var object map[string]any
		decoder := json.NewDecoder(bytes.NewReader(message))
		decoder.UseNumber()
		valid := json.Valid(message) && decoder.Decode(&object) == nil
		kind, isText := object["type"].(string)
		id, hasText := object["id"].(string)
		if ok {
			switch {
			case !valid, isText && kind != m.Type, !isText && m.Type != "", hasText && id != m.ID, !hasText && m.ID != "":
				t.Fatalf("%q is read as %+v, by encoding/json as %v", message, m, object)
			case hasTwins(message):
				t.Fatalf("%q has a name twice", message)
			case m.Payload != nil && !json.Valid(m.Payload):
				t.Fatalf("%q: the payload is %q", message, m.Payload)
			}
			return
		}
		texts := (isText || object["type"] == nil) && (hasText || object["id"] == nil)
		if valid && texts && !hasTwins(message) && nesting(message) <= maxDepth {
			t.Fatalf("%q is refused", message)
		}
	})
}

// hasTwins looks for a name that comes twice by writing the JSON again: encoding/json keeps one of them, so that fewer colons
// are left.
func hasTwins(message []byte) bool {
	var value any
	decoder := json.NewDecoder(bytes.NewReader(message))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return false
	}
	return members(message) != countMembers(value)
}

func countMembers(value any) (n int) {
	switch value := value.(type) {
	case map[string]any:
		n = len(value)
		for _, member := range value {
			n += countMembers(member)
		}
	case []any:
		for _, element := range value {
			n += countMembers(element)
		}
	}
	return n
}

// members and nesting count in valid JSON, outside of its texts.
func members(message []byte) (n int) {
	outsideTexts(message, func(c byte) {
		if c == ':' {
			n++
		}
	})
	return n
}

func nesting(message []byte) (deepest int) {
	depth := 0
	outsideTexts(message, func(c byte) {
		switch c {
		case '{', '[':
			depth++
			deepest = max(deepest, depth)
		case '}', ']':
			depth--
		}
	})
	return deepest
}

func outsideTexts(message []byte, each func(c byte)) {
	inside, escaped := false, false
	for _, c := range message {
		switch {
		case escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"':
			inside = !inside
		case !inside:
			each(c)
		}
	}
}
