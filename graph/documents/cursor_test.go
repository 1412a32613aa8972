package documents

import "testing"

func TestWithoutCursor(t *testing.T) {
	t.Parallel()
	c := newCache(0)
	for _, test := range []struct{ reason, text, want string }{
		{"the cursor alone", `subscription ($a: Int, $b: Int) { d(after: $a, n: $b) }`, `{"b":2}`},
		{"no cursor", `subscription ($a: Int, $b: Int) { d(n: $a, m: $b) }`, `{"a":1,"b":2}`},
		{"a literal", `subscription ($a: Int, $b: Int) { d(after: 7, n: $a, m: $b) }`, `{"a":1,"b":2}`},
		{"used twice", `subscription ($a: Int, $b: Int) { d(after: $a, n: $a, m: $b) }`, `{"a":1,"b":2}`},
		{"used in a condition", `subscription ($a: Int, $b: Boolean!) { d(after: $a) @skip(if: $b) }`, `{"b":2}`},
		{"used in a fragment", `subscription ($a: Int, $b: Int) { ...F } fragment F on Subscription { d(after: $a, n: $b) }`, `{"a":1,"b":2}`},
		{"used in a list", `subscription ($a: Int, $b: Int) { d(after: $a, list: [$b, $a]) }`, `{"a":1,"b":2}`},
	} {
		operation, _ := c.mustOpen(t, test.text).Operation("")
		if got := operation.WithoutCursor(map[string]any{"a": 1, "b": 2}); got != test.want {
			t.Errorf("%s: %s, want %s", test.reason, got, test.want)
		}
	}
}
