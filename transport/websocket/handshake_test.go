package websocket

import (
	"bufio"
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
)

// handshake is the example of RFC 6455, 1.3, with changes.
func handshake(changes ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/graphql", http.NoBody)
	r.Header.Set("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	r.Header.Set("Sec-WebSocket-Version", "13")
	for i := 0; i+1 < len(changes); i += 2 {
		r.Header.Set(changes[i], changes[i+1])
	}
	return r
}

func TestVerify(t *testing.T) {
	t.Parallel()
	old := handshake()
	old.Proto, old.ProtoMinor = "HTTP/1.0", 0
	twice := handshake()
	twice.Header.Add("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
	for reason, c := range map[string]struct {
		request *http.Request
		good    bool
	}{
		"the example":       {handshake(), true},
		"HTTP/1.0":          {old, false},
		"another version":   {handshake("Sec-WebSocket-Version", "8"), false},
		"no version":        {handshake("Sec-WebSocket-Version", ""), false},
		"a short key":       {handshake("Sec-WebSocket-Key", "AAAA"), false},
		"a key that is not": {handshake("Sec-WebSocket-Key", "?"), false},
		"two keys":          {twice, false},
	} {
		if wrong := Verify(c.request); (wrong == "") != c.good {
			t.Errorf("%s: %q", reason, wrong)
		}
	}
}

func TestOffers(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{"chat": true, "a, chat": true, "a,CHAT,b": true, "": false, "chats": false, "a chat": false} {
		if got := Offers(handshake("Sec-WebSocket-Protocol", header), "chat"); got != want {
			t.Errorf("%q: %t", header, got)
		}
	}
}

func TestResponse(t *testing.T) {
	t.Parallel()
	header := http.Header{"X-Request-Id": {"1"}}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(Response(handshake(), header, "chat"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for name, want := range map[string]string{
		"Sec-Websocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "Upgrade": "websocket", "Connection": "Upgrade",
		"Sec-Websocket-Protocol": "chat", "X-Request-Id": "1",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if response.StatusCode != http.StatusSwitchingProtocols || len(header) != 1 {
		t.Errorf("%d, %v", response.StatusCode, header)
	}
}
