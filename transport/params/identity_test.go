package params_test

import (
	"net/http"
	"strings"
	"testing"

	"studychat/transport/params"
)

func TestRequestID(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason string
		sent   []string
		want   string
	}{
		{"none", nil, ""},
		{"an id", []string{"req-1_A:7/="}, "req-1_A:7/="},
		{"the longest", []string{strings.Repeat("x", 128)}, strings.Repeat("x", 128)},
		{"too long", []string{strings.Repeat("x", 129)}, ""},
		{"empty", []string{""}, ""},
		{"a space", []string{"a b"}, ""},
		{"a line break", []string{"a\nb"}, ""},
		{"not ASCII", []string{"ä"}, ""},
		{"two", []string{"a", "b"}, ""},
	} {
		if got := params.RequestID(http.Header{"X-Request-Id": c.sent}); got != c.want {
			t.Errorf("%s: %q", c.reason, got)
		}
	}
}

func TestTraceparent(t *testing.T) {
	t.Parallel()
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, c := range []struct{ reason, sent, want string }{
		{"the standard's example", good, good},
		{"not sampled", good[:53] + "00", good[:53] + "00"},
		{"a later version", "cc" + good[2:] + "-what-the-future-brings", "cc" + good[2:]},
		{"a later version without a dash", "cc" + good[2:] + "x", ""},
		{"more than version 00 has", good + "-x", ""},
		{"no version", "ff" + good[2:], ""},
		{"upper case", strings.ToUpper(good), ""},
		{"no trace", "00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"no span", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""},
		{"no dash", strings.Replace(good, "c-b", "c0b", 1), ""},
		{"short", good[:54], ""},
		{"empty", "", ""},
	} {
		if got := params.Traceparent(http.Header{"Traceparent": {c.sent}}); got != c.want {
			t.Errorf("%s: %q", c.reason, got)
		}
	}
	if got := params.Traceparent(http.Header{"Traceparent": {good, good}}); got != "" {
		t.Errorf("two: %q", got)
	}
}
