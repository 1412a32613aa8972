package params

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// largest is about the size of the largest body.
const largest = 11 << 20

func TestShowBrokenUTF8(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain, é, 🎓", "plain, é, 🎓"},
		{"\ufffd typed by somebody", "\ufffd typed by somebody"},
		{"a\xffb", `a\u0000b`},
		{"a\xe2\x82", `a\u0000\u0000`},
		{"\xed\xa0\x80", `\u0000\u0000\u0000`}, // a surrogate
		{"\xc0\xaf", `\u0000\u0000`},           // an overlong slash
		{`a\ud800b`, `a\u0000b`},               // the first half of a pair
		{`a\udc00`, `a\u0000`},                 // the second half
		{`\uD83C\uDF93`, `\uD83C\uDF93`},       // a pair
		{`\ud800\ud800`, `\u0000\u0000`},       // two first halves
		{`\ud83c\u0041`, `\u0000\u0041`},       // a first half and a letter
		{`\\ud800`, `\\ud800`},                 // an escaped backslash, then letters
		{`\ud80`, `\ud80`},                     // cut off: no JSON anyway
		{`\`, `\`},
	} {
		if got := string(showBrokenUTF8([]byte(c.in))); got != c.want {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

// A copy of the whole body for each half of a surrogate pair took 4 s: more copies than bytes show that again.
func TestManyHalvesOfPairs(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	body := []byte(strings.Repeat(`\ud800`, largest/6))
	before := string(body)
	allocated := testing.AllocsPerRun(1, func() {
		if got := showBrokenUTF8(body); string(got) != strings.Repeat(`\u0000`, largest/6) {
			t.Errorf("got %.60q", got)
		}
	})
	if allocated > 10 || string(body) != before {
		t.Errorf("%v allocations; the body was changed: %t", allocated, string(body) != before)
	}
}

// FuzzShowBrokenUTF8: the result is valid UTF-8, valid input is untouched, and a JSON text that held broken bytes decodes
// to a text with a NUL in it, which every field's check refuses.
func FuzzShowBrokenUTF8(f *testing.F) {
	for _, seed := range []string{"", "é", "a\xffb", "\xe2\x82", "\xf0\x9f\x8e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		out := showBrokenUTF8(in)
		if !utf8.Valid(out) {
			t.Fatalf("%q became %q", in, out)
		}
		if utf8.Valid(in) {
			if string(in) != string(out) {
				t.Fatalf("%q was changed to %q", in, out)
			}
			return
		}
		var text string
		body := append(append([]byte{'"'}, in...), '"')
		if json.Unmarshal(showBrokenUTF8(body), &text) == nil && !strings.Contains(text, "\x00") {
			t.Fatalf("%q decodes to %q, which hides that it was broken", in, text)
		}
	})
}
