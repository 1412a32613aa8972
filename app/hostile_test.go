package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"studychat/test/hostile"
)

// Limits of the CPU time for a hostile document, in the whole process (server and client), on a machine of the usual
// speed: see hostile.Slowness.
// Only without the race detector: go test -run Hostile ./app (make test does that, too).
const (
	maxRefusal   = 10 * time.Millisecond
	maxPerMB     = 50 * time.Millisecond // more for each MB, which the client also takes longer to write
	maxAnonymous = time.Millisecond
	maxHeld      = 10 << 20 // bytes of heap, afterwards
)

// unbounded lets one user send the whole corpus.
var unbounded = []string{"MUTATION_RATE=0", "ADDRESS_MUTATION_RATE=0", "CONNECTIONS_PER_USER=0", "CONNECTIONS_PER_ADDRESS=0"}

// TestHostileDocuments sends every document over every transport. It is not parallel, because it measures the whole
// process.
func TestHostileDocuments(t *testing.T) { //nolint:paralleltest // see above
	for _, server := range []struct { //nolint:paralleltest // see above
		name, user string
		settings   []string
	}{
		{"with tokens", "ann", slices.Concat(withTokens(), unbounded)},
		{"without authentication", "", []string{"INTROSPECTION=off"}},
	} {
		if raced && server.user == "" {
			continue // twice as much time for the same code; the run without the detector tries both
		}
		t.Run(server.name, func(t *testing.T) {
			i := start(t, append(server.settings, "DATABASE_URL=sqlite:"+t.TempDir()+"/chat.db")...)
			if server.user != "" {
				i = i.as(server.user)
			}
			legitimate(t, i)
			before := measure()
			for _, c := range carriers() {
				for n, d := range hostile.All() {
					if body := d.Body(); c.name == "WebSocket" && len(body) > 1<<20 && (n%4 != 0 || server.user == "") {
						continue // a socket reads 256 KB a second: a quarter of them is enough
					}
					got := c.send(t, i, d.Body())
					if mistake := c.check(d, got); mistake != "" {
						t.Errorf("%s, %s: %s: %d %q %.300q", c.name, d.Name, mistake, got.status, got.code, got.raw)
					}
				}
				c.close()
			}
			if !raced { // the CPU time under the detector is not judged
				refusesCheaply(t, i)
			}
			legitimate(t, i)
			before.compare(t)
			i.requireQuietLog(t)
		})
	}
}

// refusesCheaply sends each document three times by POST and judges the fastest by its CPU time.
func refusesCheaply(t *testing.T, i *instance) {
	t.Helper()
	var slowest time.Duration
	slowness := hostile.Slowness()
	for _, d := range hostile.All() {
		if d.TooLarge() {
			continue // most of the time goes into sending it
		}
		took := cheapest(t, 3, func(try int) { i.post(t, typeJSON, varied(d, try)) })
		bound := bounded(d, slowness)
		for again := 1; took > bound && again <= 3; again++ { // the machine may just have become slower
			slowness = hostile.Slowness()
			bound = bounded(d, slowness)
			took = cheapest(t, 3, func(try int) { i.post(t, typeJSON, varied(d, 10*again+try)) })
		}
		if slowest = max(slowest, took); took > bound {
			t.Errorf("%s took %s of CPU, of %s", d.Name, took, bound)
		}
	}
	t.Logf("the slowest refusal took %s of CPU, on a machine that takes %.1f times as long as usual", slowest, slowness)
}

// bounded returns the CPU limit for the refusal of a document.
func bounded(d hostile.Document, slowness float64) time.Duration {
	return time.Duration(slowness * float64(maxRefusal+time.Duration(len(d.Body()))*maxPerMB>>20))
}

// varied returns the body with a document that was not sent before, so that it is not in the document cache.
func varied(d hostile.Document, try int) []byte {
	d.Query += strings.Repeat(" ", try)
	return d.Body()
}

// cheapest returns the CPU time of the fastest try: the machine and this process do other work, too.
func cheapest(t *testing.T, tries int, do func(try int)) time.Duration {
	t.Helper()
	cpu := func() time.Duration {
		var used syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
			t.Fatal(err)
		}
		return time.Duration(used.Utime.Nano() + used.Stime.Nano())
	}
	runtime.GC() // so that it does not slow every try
	best := time.Hour
	for try := range tries {
		start := cpu()
		do(try)
		best = min(best, cpu()-start)
	}
	return best
}

// legitimate is the negative control: large legitimate documents pass on every transport.
func legitimate(t *testing.T, i *instance) {
	t.Helper()
	id, _ := i.newChat()
	var aliases strings.Builder
	for n := range 95 {
		aliases.WriteString(" title" + string(rune('a'+n/10)) + string(rune('a'+n%10)) + ": title")
	}
	escaped := []byte(`{"query":` + quoted(sendMessage) + `,"variables":{"chat":"` + id + `","content":"` + strings.Repeat(`\ud83d\ude00`, 16_000) + `"}}`)
	literal := `mutation { sendMessage(input: {chatId: "` + id + `", content: "` + strings.Repeat(`\ud83d\ude00`, 16_000) + `"}) { message { id } } }`
	wide := "query ($id: ID!) { chat(id: $id) {" + aliases.String() + " } } #" + strings.Repeat("x", 100<<10)
	for _, c := range carriers() {
		for _, body := range [][]byte{
			operation(sendMessage, vars{"chat": id, "content": strings.Repeat("🎓", 16_000)}),
			escaped,
			operation(literal, nil),
			operation(wide, vars{"id": id}),
		} {
			if got := c.send(t, i, body); got.code != "" || !got.hasData {
				t.Errorf("%s: %d %q %.300q", c.name, got.status, got.code, got.raw)
			}
		}
		c.close()
	}
}

// quoted returns a text as JSON.
func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// footprint is the process's goroutines and heap.
type footprint struct {
	goroutines int
	heap       uint64
}

func measure() footprint {
	http.DefaultClient.CloseIdleConnections()
	runtime.GC()
	runtime.GC() // for objects that the first run finalized
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return footprint{runtime.NumGoroutine(), memory.HeapAlloc}
}

// compare waits until the process holds as little as before.
func (f footprint) compare(t *testing.T) {
	t.Helper()
	eventually(t, "goroutines and heap as before", func() bool {
		now := measure()
		return now.goroutines <= f.goroutines && now.heap <= f.heap+maxHeld
	})
}

// requireQuietLog requires that the log has no internal errors and no content of the requests.
func (i *instance) requireQuietLog(t *testing.T) {
	t.Helper()
	log := i.logs.text()
	if !strings.Contains(log, `"path":"/graphql"`) {
		t.Error("the log does not belong to the requests")
	}
	for _, word := range []string{"panic", "internal error", "INTERNAL", `"level":"ERROR"`, "__typename", "chatchatchat", "xxxxxxxxxx", "{a{a{a"} {
		if at := strings.Index(log, word); at >= 0 {
			t.Errorf("the log contains %q: %.300s", word, log[max(0, at-100):])
		}
	}
}

// TestHostileAnonymous checks that a request without a token is refused before its body is read, at almost no cost.
func TestHostileAnonymous(t *testing.T) { //nolint:paralleltest // it measures what the whole process takes
	i := start(t, append(withTokens(), "DATABASE_URL=sqlite:"+t.TempDir()+"/chat.db")...)
	var slowest time.Duration
	bound := time.Duration(hostile.Slowness() * float64(maxAnonymous))
	for _, d := range hostile.All() {
		body := d.Body()
		for accept, status := range map[string]int{typeJSON: http.StatusOK, typeGraphQL: http.StatusUnauthorized, typeEvents: http.StatusUnauthorized} {
			if got := i.post(t, accept, body); got.code != "UNAUTHENTICATED" || got.status != status || len(got.raw) > 500 {
				t.Errorf("%s, %s: %d %.300q", accept, d.Name, got.status, got.raw)
			}
		}
		if len(body) > 1<<18 {
			continue // most of the time goes into sending it
		}
		took := cheapest(t, 5, func(int) { i.post(t, typeJSON, body) })
		if slowest = max(slowest, took); took > bound && !raced {
			t.Errorf("%s took %s of CPU", d.Name, took)
		}
		i.closesOnAnonymous(t, body)
	}
	t.Logf("the slowest refusal took %s of CPU", slowest)
	i.requireQuietLog(t)
}

// closesOnAnonymous sends the document over a socket without connection_init.
func (i *instance) closesOnAnonymous(t *testing.T, body []byte) {
	t.Helper()
	s := i.dial("graphql-transport-ws")
	_ = s.conn.Write(t.Context(), 1, envelope(body)) // fails when the server closes before it has read everything
	switch code, before := s.closeCode(); {
	case len(before) > 0:
		t.Errorf("an unauthenticated client received %v", before)
	case code != 1009 && code != 4400 && code != 4401:
		t.Errorf("closed with %d", code)
	}
}

// TestHostileOverGET checks that a document that fits into a URL is refused as by POST, and any other by its length.
func TestHostileOverGET(t *testing.T) {
	t.Parallel()
	const header = 32 << 10 // net/http reads 4 KB more before it gives up
	i := start(t, slices.Concat(withTokens(), unbounded, []string{"DATABASE_URL=sqlite:" + t.TempDir() + "/chat.db"})...).as("ann")
	fits, long := 0, 0
	for _, d := range hostile.All() {
		if d.Raw != nil {
			continue // has no other form
		}
		parameters := url.Values{"query": {d.Query}}
		if d.Variables != nil {
			parameters.Set("variables", string(d.Variables))
		}
		if d.Operation != "" {
			parameters.Set("operationName", d.Operation)
		}
		path := "/graphql?" + parameters.Encode()
		if len(path) > header-1000 && len(path) < header+8000 {
			continue // depends on the size of the other headers
		}
		got := i.fetch(t, http.MethodGet, path, typeJSON, nil)
		wants := []string{d.Code}
		switch {
		case len(path) > header:
			long++
			wants = []string{""}
			if got.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Errorf("%s, %d bytes: %d %.300q", d.Name, len(path), got.status, got.raw)
			}
		case strings.HasPrefix(d.Query, "mutation"), early[d.Name] != "":
			wants = append(wants, hostile.BadInput) // 405, 400
			fallthrough
		default:
			fits++
		}
		if !slices.Contains(wants, got.code) || got.status >= 500 || len(got.raw) > 20_000 || echoes(got, d) {
			t.Errorf("%s, %d bytes: %d %q, want %q: %.300q", d.Name, len(path), got.status, got.code, wants, got.raw)
		}
	}
	if fits < 60 || long < 20 {
		t.Errorf("%d documents fit, %d do not", fits, long)
	}
	i.requireQuietLog(t)
}

// TestEchoIsSeen is the negative control of echoes.
func TestEchoIsSeen(t *testing.T) {
	t.Parallel()
	numbers := make([]string, 500)
	for n := range numbers {
		numbers[n] = strings.Repeat(string(rune('a'+n%26)), n%7+1)
	}
	d := hostile.Document{Query: "{" + strings.Join(numbers, "\n") + "}"}
	for _, c := range []struct {
		reason string
		got    reply
		want   bool
	}{
		{"501 bytes of the document", reply{raw: "Unexpected " + d.Query[100:601]}, true},
		{"501 bytes of the body", reply{raw: "Unexpected " + string(d.Body()[100:601])}, true},
		{"501 bytes in a message", reply{messages: d.Query[33:534]}, true},
		{"a name", reply{raw: strings.Repeat("Unexpected Name "+d.Query[100:180], 100)}, false},
		{"other words", reply{raw: string(bytes.Repeat([]byte("Unexpected "), 100))}, false},
	} {
		if got := echoes(c.got, d); got != c.want {
			t.Errorf("%s: %t", c.reason, got)
		}
	}
}
