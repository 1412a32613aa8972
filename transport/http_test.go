package transport

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
)

// TestStatus: GraphQL over HTTP (draft, 6.4), where graphql-http's audits do not look.
func TestStatus(t *testing.T) {
	t.Parallel()
	typename := "query=" + url.QueryEscape("{ __typename }")
	body := query(`{ __typename }`, nil)
	const first = `query ($n: Int) { chats(first: $n) { edges { cursor } } }`
	inVirtualTime(t, nil, func(w *world) {
		for _, c := range []struct {
			reason, method, path, body string
			header                     []string
			status                     int
			says                       string
		}{
			{"a query", "POST", "/graphql", body, nil, 200, `{"data":{"__typename":"Query"}}`},
			{"a query that cannot be answered", "POST", "/graphql", query(`{ chat(id: "x") { id } }`, nil), []string{"Accept", mediaGraphQL}, 200, `"data":{"chat":null}`},
			{"a mutation that fails", "POST", "/graphql", query(`mutation { createChat(input: {title: ""}) { chat { id } } }`, nil), []string{"Accept", mediaGraphQL}, 200, `"data":{"createChat":null}`},
			{"a text for a number", "POST", "/graphql", query(first, map[string]any{"n": "2"}), []string{"Accept", mediaGraphQL}, 400, `"field":"n"`},
			{"a fraction for a number", "POST", "/graphql", query(first, map[string]any{"n": 2.5}), []string{"Accept", mediaGraphQL}, 400, `cannot be 2.5`},
			{"a whole number with a fraction", "POST", "/graphql", `{"query":"` + first + `","variables":{"n":2.0}}`, []string{"Accept", mediaGraphQL}, 200, `"edges":[]`},
			{"a text for a number by GET", "GET", "/graphql?variables=%7B%22n%22%3A%222%22%7D&query=" + url.QueryEscape(first), "", []string{"Accept", mediaGraphQL}, 400, `"field":"n"`},
			{"without a token", "POST", "/graphql", body, []string{"Authorization", "", "Accept", mediaGraphQL}, 401, "UNAUTHENTICATED"},
			{"without a token, accepting JSON", "POST", "/graphql", body, []string{"Authorization", "", "Accept", mediaJSON}, 200, "UNAUTHENTICATED"},
			{"a subscription by POST", "POST", "/graphql", query(`subscription { chatEvents { cursor } }`, nil), []string{"Accept", mediaGraphQL}, 400, "graphql-transport-ws"},
			{"no media type fits", "POST", "/graphql", body, []string{"Accept", "text/html"}, 406, "text/event-stream"},
			{"no media type fits a GET", "GET", "/graphql?" + typename, "", []string{"Accept", "text/html"}, 406, "text/event-stream"},
			{"a form", "POST", "/graphql", typename, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "application/json"},
			{"plain text", "POST", "/graphql", body, []string{"Content-Type", "text/plain"}, 415, "application/json"},
			{"GraphQL alone", "POST", "/graphql", `{ __typename }`, []string{"Content-Type", "application/graphql"}, 415, "application/json"},
			{"too large", "POST", "/graphql", strings.Repeat(" ", MaxBody+1), nil, 413, "2931072"},
			{"PUT", "PUT", "/graphql", body, nil, 405, "GET, HEAD, POST"},
			{"DELETE", "DELETE", "/graphql", "", nil, 405, "GET, HEAD, POST"},
			{"HEAD", "HEAD", "/graphql?" + typename, "", nil, 200, ""},
			{"HEAD of a stream", "HEAD", "/graphql?" + typename, "", []string{"Accept", mediaEvents}, 405, ""},
			{"a POST that offers a socket", "POST", "/graphql", body, []string{"Upgrade", "websocket", "Connection", "Upgrade"}, 200, "Query"},
			{"a GET", "GET", "/graphql?" + typename, "", nil, 200, `{"data":{"__typename":"Query"}}`},
			{"a GET by a form or a link", "GET", "/graphql?" + typename, "", []string{"Authorization", ""}, 400, "GraphQL-Preflight"},
			{"a GET by a foreign page", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "Sec-Fetch-Site", "cross-site"}, 400, "GraphQL-Preflight"},
			{"a GET by our page, without a token", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "Sec-Fetch-Site", "same-origin"}, 200, "UNAUTHENTICATED"},
			{"a GET with a preflight header", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "GraphQL-Preflight", "1"}, 200, "UNAUTHENTICATED"},
			{"a GET with Apollo's header", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "Apollo-Require-Preflight", "true"}, 200, "UNAUTHENTICATED"},
			{"a GET as JSON", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "Content-Type", "application/json"}, 200, "UNAUTHENTICATED"},
			{"a GET as text", "GET", "/graphql?" + typename, "", []string{"Authorization", "", "Content-Type", "text/plain"}, 400, "GraphQL-Preflight"},
			{"a handshake without its Upgrade", "GET", "/graphql", "", []string{"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version", "13"}, 426, "proxy"},
			{"a handshake of which only Connection is left", "GET", "/graphql", "", []string{"Connection", "keep-alive, Upgrade", "Authorization", ""}, 426, "proxy"},
			{"a handshake of which only the sub-protocol is left", "GET", "/graphql?tab=1", "", []string{"Sec-WebSocket-Protocol", subprotocol}, 426, "proxy"},
			{"a handshake without its Connection", "GET", "/graphql", "", []string{"Upgrade", "websocket", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}, 426, "proxy"},
			{"a query through a proxy that always says Connection: upgrade", "GET", "/graphql?" + typename, "", []string{"Connection", "upgrade"}, 200, "Query"},
			{"a GET of nothing", "GET", "/graphql", "", nil, 400, "query"},
			{"a mutation by GET", "GET", "/graphql?query=" + url.QueryEscape(`mutation { clearChats { deletedChatIds } }`), "", nil, 405, "Use POST"},
			{"a subscription by GET", "GET", "/graphql?query=" + url.QueryEscape(`subscription { chatEvents { cursor } }`), "", nil, 405, "Use POST"},
			{"a POST by a foreign page", "POST", "/graphql", body, []string{"Sec-Fetch-Site", "cross-site"}, 403, "FORBIDDEN"},
			{"a POST by a foreign page of an old browser", "POST", "/graphql", body, []string{"Origin", "https://evil.example"}, 403, "FORBIDDEN"},
			{"a POST by our own page", "POST", "/graphql", body, []string{"Sec-Fetch-Site", "same-origin", "Origin", "http://chat.example"}, 200, "Query"},
		} {
			response, answer := w.do(w.request(c.method, c.path, c.body, c.header...))
			if response.StatusCode != c.status || !strings.Contains(answer, c.says) {
				w.t.Errorf("%s: %d %s", c.reason, response.StatusCode, answer)
			}
			if allow := response.Header.Get("Allow"); (c.status == 405) != (allow != "") {
				w.t.Errorf("%s: Allow: %q", c.reason, allow)
			}
			if c.status == 401 && response.Header.Get("WWW-Authenticate") != "Bearer" {
				w.t.Errorf("%s: WWW-Authenticate: %q", c.reason, response.Header.Get("WWW-Authenticate"))
			}
			if c.status >= 400 && strings.Contains(answer, `"data"`) {
				w.t.Errorf("%s: a refusal with data: %s", c.reason, answer)
			}
		}
	})
}

func TestListedOriginMayCall(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, func(o *Options) { o.AllowedOrigins = []string{"https://app.example"} }, func(w *world) {
		header := []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example"}
		response, answer := w.do(w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil), header...))
		if response.StatusCode != http.StatusOK || response.Header.Get("Access-Control-Allow-Origin") != "https://app.example" {
			w.t.Errorf("%d %s %v", response.StatusCode, answer, response.Header)
		}
	})
}

// TestEveryAnswerIsSecured: pages, probes, answers and refusals alike.
func TestEveryAnswerIsSecured(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for _, path := range []string{"/graphql", "/graphql/stream", "/playground", "/livez", "/readyz", "/", "/nothing"} {
			r := w.request(http.MethodGet, path, "")
			response, err := w.client.Transport.RoundTrip(r) // no redirects
			if err != nil {
				w.t.Fatal(err)
			}
			_ = response.Body.Close()
			for name, value := range map[string]string{
				"X-Content-Type-Options":       "nosniff",
				"Cross-Origin-Resource-Policy": "same-origin", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			} {
				if got := response.Header.Get(name); got != value {
					w.t.Errorf("%s: %s is %q", path, name, got)
				}
			}
		}
	})
}

// TestFewHeaders: one more than 8, beside the Date of net/http, and the map of each answer's headers grows.
func TestFewHeaders(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		response, _ := w.do(w.request(http.MethodPost, "/graphql", `{"query":"{ __typename }"}`))
		if n := len(response.Header); n > 9 {
			w.t.Errorf("%d headers: %v", n, response.Header)
		}
	})
}

func TestCompression(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		large, small := query(`{ __schema { types { name description } } }`, nil), query(`{ __typename }`, nil)
		for _, c := range []struct{ reason, body, accept, want string }{
			{"a browser", large, "gzip, deflate, br, zstd", "br"},
			{"an older client", large, "gzip", "gzip"},
			{"gzip rather", large, "br;q=0.5, gzip;q=0.8", "gzip"},
			{"brotli refused", large, "br;q=0, *", "gzip"},
			{"anything", large, "*", "br"},
			{"nothing", large, "identity", ""},
			{"unknown ones", large, "zstd, deflate", ""},
			{"a small answer", small, "gzip, br", ""},
		} {
			response, err := w.client.Do(w.request(http.MethodPost, "/graphql", c.body, "Accept-Encoding", c.accept))
			if err != nil {
				w.t.Fatal(err)
			}
			raw, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			if got := response.Header.Get("Content-Encoding"); got != c.want || !strings.Contains(strings.Join(response.Header.Values("Vary"), ","), "Accept-Encoding") {
				w.t.Errorf("%s: %q, %v", c.reason, got, response.Header)
			}
			if plain := decompress(w.t, c.want, raw); !strings.HasPrefix(plain, `{"data":{`) || c.want != "" && len(raw)*2 > len(plain) {
				w.t.Errorf("%s: %d bytes became %d: %.50s", c.reason, len(plain), len(raw), plain)
			}
		}
	})
}

func decompress(t *testing.T, encoding string, raw []byte) string {
	t.Helper()
	var reader io.Reader = bytes.NewReader(raw)
	switch encoding {
	case "br":
		reader = brotli.NewReader(reader)
	case "gzip":
		zipped, err := gzip.NewReader(reader)
		if err != nil {
			t.Fatal(err)
		}
		reader = zipped
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(plain)
}

// TestHTTP2: without TLS too, for answers and streams; many streams share a connection.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		dialled := w.useOneConnection("HTTP/2")
		chat := w.chat()
		var streams []*http.Response
		for range 10 {
			streams = append(streams, w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat, "after": place(chat, 1)}), "Accept", mediaEvents)))
		}
		response, answer := w.do(w.request(http.MethodPost, "/graphql", query(`{ __typename }`, nil)))
		if response.ProtoMajor != 2 || !strings.Contains(answer, "Query") {
			w.t.Errorf("%s: %s", response.Proto, answer)
		}
		for _, s := range streams {
			w.until(s, "one")
		}
		if *dialled != 1 {
			w.t.Errorf("%d connections for 11 requests", *dialled)
		}
	})
}

func TestNoBodyIsEchoedOrLogged(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		for _, body := range []string{"SECRET", `{"query": SECRET}`, `["SECRET"]`, `{"query":"{ __typename }","variables":"SECRET"}`, `{"SECRET":1}`} {
			_, answer := w.do(w.request(http.MethodPost, "/graphql", body))
			if strings.Contains(answer, "SECRET") {
				w.t.Errorf("%s: %s", body, answer)
			}
		}
	})
}

// TestOldConnections: the deadline of one answer must not fall on a later one on the same connection.
func TestOldConnections(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		inVirtualTime(t, nil, func(w *world) {
			dialled := w.useOneConnection(protocol)
			for _, path := range []string{"/graphql", "/livez", "/graphql", "/nothing", "/graphql"} {
				body := ""
				if path == "/graphql" {
					body = query(`{ __typename }`, nil)
				}
				w.do(w.request(http.MethodPost, path, body))
				<-time.After(answerTimeout + idleTimeout/4)
			}
			if *dialled != 1 {
				w.t.Errorf("%s: %d connections for 5 requests", protocol, *dialled)
			}
		})
	}
}

// TestQuietStreams: a stream without events for minutes is not taken for a stalled one.
func TestQuietStreams(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
		inVirtualTime(t, nil, func(w *world) {
			w.useOneConnection(protocol)
			chat := w.chat()
			stream := w.open(w.request(http.MethodPost, "/graphql", query(followChat, map[string]any{"chat": chat, "after": place(chat, 2)}), "Accept", mediaEvents))
			go func() {
				<-time.After(10 * time.Minute)
				w.say(chat, "after ten minutes")
			}()
			w.until(stream, "after ten minutes")
		})
	}
}

// useOneConnection makes the client speak one protocol; the count is of connections.
func (w *world) useOneConnection(protocol string) (dialled *int) {
	w.t.Helper()
	dialled = new(int)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
	w.client.CloseIdleConnections()
	w.client = &http.Client{Transport: &http.Transport{Protocols: protocols, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		*dialled++
		return w.listener.dial(ctx, network, address)
	}}}
	return dialled
}
