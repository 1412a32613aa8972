package app

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"studychat/test/services"
)

// collector is an OTLP collector over HTTP.
type collector struct {
	*httptest.Server
	t *testing.T

	mu    sync.Mutex
	raw   bytes.Buffer
	spans []*tracepb.Span
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{t: t}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

// ServeHTTP takes a request of an exporter, which has the form of TracesData.
func (c *collector) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var sent tracepb.TracesData
	if r.URL.Path != "/v1/traces" || err != nil || proto.Unmarshal(body, &sent) != nil {
		c.t.Errorf("%s: not OTLP: %v", r.URL.Path, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw.Write(body)
	for _, resource := range sent.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
}

// in are the names of the spans of a trace, and of a span within it.
func (c *collector) in(trace string) (names map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names = map[string]int{}
	for _, span := range c.spans {
		if hex.EncodeToString(span.GetTraceId()) == trace {
			names[span.GetName()]++
		}
	}
	return names
}

// linked counts the spans that are linked to a trace, by name.
func (c *collector) linked(trace string) (names map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	names = map[string]int{}
	for _, span := range c.spans {
		for _, link := range span.GetLinks() {
			if hex.EncodeToString(link.GetTraceId()) == trace {
				names[span.GetName()]++
			}
		}
	}
	return names
}

// traced sends an operation that belongs to a trace.
func (i *instance) traced(trace, flags, document string, v vars) {
	i.t.Helper()
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, i.url+"/graphql", bytes.NewReader(operation(document, v)))
	if err != nil {
		i.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+i.token)
	request.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-"+flags)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		i.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || strings.Contains(string(body), `"errors"`) {
		i.t.Fatalf("%s %v", body, err)
	}
}

// TestTraces: a traced write is seen from the request to its deliveries on both instances, in what the collector gets until they have
// stopped. What is not sampled is not sent, and neither is what users write.
func TestTraces(t *testing.T) {
	t.Parallel()
	const sent, edited, read, unsampled = "0af7651916cd43dd8448eb211c80319a", "0af7651916cd43dd8448eb211c80319b", "0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319d"
	c := newCollector(t)
	settings := append(withTokens(), "DATABASE_URL="+services.Postgres(t), "REDIS_URL="+services.Redis(t),
		"OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_TRACES_SAMPLER=parentbased_always_off")
	both := []*instance{start(t, settings...), start(t, settings...)}
	a, b := both[0].as("ann"), both[1].as("ann")
	chat, cursor := a.newChat()
	streams := []*socket{a.follow(chat, cursor), b.follow(chat, cursor)}
	for _, stream := range streams {
		stream.wantStarted()
	}
	message := "0198a000-0000-7000-8000-0000000000a1"
	a.traced(unsampled, "00", sendMessage, vars{"chat": chat, "content": "hunter2 unsampled"})
	for _, stream := range streams { // from now on both are level: what an instance reads from the log has no trace
		stream.wantMessage(2, "hunter2 unsampled")
	}
	a.traced(sent, "01", sendMessage, vars{"id": message, "chat": chat, "content": "hunter2"})
	a.traced(edited, "01", `mutation ($id: ID!) { editMessage(input: {messageId: $id, content: "hunter2, edited"}) { message { id } } }`, vars{"id": message})
	b.traced(read, "01", `query Read($id: ID!) { chat(id: $id) { title messages { nodes { content } } } }`, vars{"id": chat})
	for _, stream := range streams {
		stream.wantMessage(3, "hunter2")
		stream.next()
	}
	for _, stream := range streams {
		_ = stream.conn.CloseNow() // else a stop waits for them
	}
	for _, i := range both {
		if err := i.stop(); err != nil {
			t.Error(err)
		}
	}
	for trace, want := range map[string][]string{
		sent: {"mutation", "batch", "SELECT", "commit"}, edited: {"mutation", "UPDATE", "commit"}, read: {"query", "BEGIN"}, unsampled: nil,
	} {
		got := c.in(trace)
		for _, name := range want {
			if got[name] == 0 {
				t.Errorf("trace %s has no span %s: %v", trace, name, got)
			}
		}
		if want == nil && len(got) > 0 {
			t.Errorf("a trace that is not sampled: %v", got)
		}
	}
	redis := 0
	for name, n := range c.in(read) {
		if strings.HasPrefix(name, "redis ") {
			redis += n
		}
	}
	if redis == 0 {
		t.Errorf("no span of Redis: %v", c.in(read))
	}
	if got := c.linked(sent)["deliver MESSAGE_SENT"]; got != 2 {
		t.Errorf("%d deliveries on two instances: %v", got, c.linked(sent))
	}
	if got := c.linked(unsampled); len(got) > 0 {
		t.Errorf("deliveries of what is not sampled: %v", got)
	}
	for _, secret := range []string{"hunter2", a.token, chat} {
		if bytes.Contains(c.raw.Bytes(), []byte(secret)) {
			t.Errorf("the collector was sent %q", secret)
		}
	}
}

// TestTracesWithoutCollector: a collector that does not answer costs a line in the log, and stops nothing.
func TestTracesWithoutCollector(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	defer silent.Close()
	defer close(over)
	i := start(t, "DATABASE_URL=sqlite::memory:", "OTEL_EXPORTER_OTLP_ENDPOINT="+silent.URL)
	chat, _ := i.newChat()
	i.message(chat, "hello")
	began := time.Now()
	if err := i.stop(); err != nil || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	if !strings.Contains(i.logs.text(), "the last traces were not sent") {
		t.Error("the log does not say that traces are missing")
	}
}
