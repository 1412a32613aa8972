package transport

import (
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ reason, accept, want string }{
		{"nothing", "", mediaJSON},
		{"anything", "*/*", mediaJSON},
		{"any application", "application/*", mediaJSON},
		{"a plain client", "application/json", mediaJSON},
		{"with a charset", "application/json; charset=utf-8", mediaJSON},
		{"GraphQL over HTTP", "application/graphql-response+json", mediaGraphQL},
		{"both, the new one first", "application/graphql-response+json, application/json", mediaGraphQL},
		{"both, the old one first", "application/json, application/graphql-response+json", mediaJSON},
		{"both, the new one rather", "application/json;q=0.9, application/graphql-response+json", mediaGraphQL},
		{"the new one refused", "application/graphql-response+json;q=0, */*", mediaJSON},
		{"Apollo's", "application/graphql-response+json,application/json;q=0.9", mediaGraphQL},
		{"the specific range decides over the wildcard", "*/*;q=1, application/json;q=0.1", mediaGraphQL},
		{"graphql-sse", "text/event-stream", mediaEvents},
		{"urql's queries", "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed", mediaGraphQL},
		{"urql's subscriptions", "text/event-stream, multipart/mixed", mediaEvents},
		{"events first", "text/event-stream, application/json", mediaEvents},
		{"events rather", "application/json;q=0.5, text/event-stream;q=0.9", mediaEvents},
		{"events if need be", "text/event-stream;q=0.1, application/json", mediaJSON},
		{"events refused", "text/event-stream;q=0", ""},
		{"no number", "text/event-stream;q=x", ""},
		{"q above one", "application/json;q=2", ""},
		{"a picture", "image/png", ""},
		{"everything refused", "*/*;q=0", ""},
		{"wildcards do not mean events", "text/*", ""},
		{"garbage", ";;;,,", ""},
	} {
		if got := negotiate([]string{c.accept}); got != c.want {
			t.Errorf("%s: %q, want %q", c.reason, got, c.want)
		}
	}
	if got := negotiate([]string{"image/png", "application/json"}); got != mediaJSON {
		t.Errorf("two headers: %q", got)
	}
}

// FuzzNegotiate: any Accept header picks one of our media types or none, never events unless they are named, and the choice
// stays when what was picked is all that is asked for.
func FuzzNegotiate(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "application/json", "text/event-stream;q=0.5, */*", "application/*;q=0", "application/graphql-response+json; charset=utf-8, application/json;q=0.9",
		"text/html", "application/json;q=2", ",,,", "a/b;q=0.1;q=0.2", "TEXT/EVENT-STREAM", `application/json;x="a,b"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		media := negotiate([]string{accept})
		switch media {
		case "", mediaJSON, mediaGraphQL:
		case mediaEvents:
			if !strings.Contains(strings.ToLower(accept), mediaEvents) {
				t.Fatalf("%q asks for no events", accept)
			}
		default:
			t.Fatalf("%q: %q", accept, media)
		}
		if media != "" && negotiate([]string{media}) != media {
			t.Fatalf("%q is not taken alone", media)
		}
	})
}
