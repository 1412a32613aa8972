package transport

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestAnswersAtOnce: answers that are written at the same time share buffers and values of headers, never bytes.
func TestAnswersAtOnce(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				for i := range 30 {
					name := fmt.Sprintf("n%d_%d_%s", n, i, strings.Repeat("x", i*2))
					_, answer := w.do(w.request("POST", "/graphql", query("{ "+name+": __typename }", nil), "Accept-Encoding", []string{"gzip", "identity"}[i%2]))
					if want := `{"data":{"` + name + `":"Query"}}`; answer != want {
						w.t.Errorf("got %s, want %s", answer, want)
					}
				}
			})
		}
		all.Wait()
	})
}

// TestLengthOfAnswers: an answer has a length, whatever its size.
func TestLengthOfAnswers(t *testing.T) {
	t.Parallel()
	inVirtualTime(t, nil, func(w *world) {
		chat := w.chat()
		for n := range 30 {
			w.say(chat, fmt.Sprint(n, strings.Repeat("x", 200)))
		}
		large := query(`query ($id: ID!) { chat(id: $id) { messages(last: 30) { edges { node { content } } } } }`, map[string]any{"id": chat})
		for _, c := range []struct{ reason, body, encoding string }{
			{"small", query(`{ __typename }`, nil), ""}, {"large", large, ""}, {"compressed", large, "gzip"},
		} {
			response, answer := w.do(w.request("POST", "/graphql", c.body, "Accept-Encoding", c.encoding))
			if response.ContentLength != int64(len(answer)) {
				w.t.Errorf("%s: length %d, of %d bytes", c.reason, response.ContentLength, len(answer))
			}
			if vary := response.Header.Values("Vary"); !slices.Equal(vary, varyAnswer) {
				w.t.Errorf("%s: Vary: %v", c.reason, vary)
			}
		}
	})
}

// TestSharedHeadersStay: what one handler does to the headers of its answer does not reach other answers.
func TestSharedHeadersStay(t *testing.T) {
	t.Parallel()
	for range 2 {
		secured(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			h := w.Header()
			for name, values := range h {
				if len(values) != 1 || strings.Contains(values[0], "changed") {
					t.Errorf("%s: %v", name, values)
				}
				h.Add(name, "changed")
				h.Set(name, "changed")
			}
		})).ServeHTTP(&nowhere{header: http.Header{}}, &http.Request{})
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	seen, now := map[string]bool{}, time.Now()
	for range 1000 {
		text := requestID(now)
		id, err := uuid.Parse(text)
		if err != nil || id.Version() != 7 || id.Variant() != uuid.RFC4122 || seen[text] {
			t.Fatalf("%s: version %d, variant %s, %v", text, id.Version(), id.Variant(), err)
		}
		seen[text] = true
		if seconds, _ := id.Time().UnixTime(); seconds != now.Unix() {
			t.Fatalf("%s is of %d, not of %d", text, seconds, now.Unix())
		}
	}
}

// broken is a response whose client has gone.
type broken struct{ nowhere }

var errGone = errors.New("gone")

func (b *broken) Write([]byte) (int, error) { return 0, errGone }

// TestFailedWrites are told, so that nobody uses the memory again that may still be on its way.
func TestFailedWrites(t *testing.T) {
	t.Parallel()
	body := []byte(strings.Repeat("x", 2*compressFrom))
	for _, encoding := range []string{"", "gzip", "br"} {
		r := &http.Request{Header: http.Header{"Accept-Encoding": {encoding}}}
		if err := writeCompressed(&broken{nowhere{header: http.Header{}}}, r, http.StatusOK, body); !errors.Is(err, errGone) {
			t.Errorf("%q: %v", encoding, err)
		}
		if err := writeCompressed(&nowhere{header: http.Header{}}, r, http.StatusOK, body); err != nil {
			t.Errorf("%q: %v", encoding, err)
		}
	}
}

// TestMemoIsBounded: clients choose the values.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	m, asked := newMemo(), 0
	find := func(value string) string { asked++; return strings.ToUpper(value) }
	for n := range 3 * maxMemos {
		if got := m.of("v"+strconv.Itoa(n), find); got != "V"+strconv.Itoa(n) {
			t.Fatal(got)
		}
	}
	long := strings.Repeat("x", maxMemoBytes+1)
	m.of(long, find)
	if m.known.Len() != maxMemos || m.known.Contains(long) {
		t.Errorf("%d values are kept", m.known.Len())
	}
	before := asked
	if m.of("v"+strconv.Itoa(3*maxMemos-1), find); asked != before {
		t.Error("a value was examined again")
	}
}
