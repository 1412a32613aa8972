package plan

import (
	"strings"
	"testing"

	"studychat/db"
)

func TestTextBytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 100)
	var none *string
	for _, c := range []struct {
		reason string
		value  any
		want   int
	}{
		{"bytes, not characters", long, 200},
		{"a nullable text", &long, 200},
		{"null", none, 0},
		{"short texts are bounded by cost", strings.Repeat("x", plainText), 0},
		{"but not many of them in one field", []string{strings.Repeat("x", 40), strings.Repeat("x", 40)}, 80},
		{"members", make([]*db.Member, 500), 500 * memberBytes},
		{"no text", 5, 0},
		{"objects count by their fields", &db.Message{Content: long}, 0},
	} {
		if got := TextBytes(c.value); got != c.want {
			t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
		}
	}
}
