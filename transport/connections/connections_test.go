package connections

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"
	"unsafe"
)

// fake is a connection that counts how often it is asked for everything.
type fake struct {
	transport, user string
	state           State
	asked           *int
}

func (f fake) Transport() string { return f.transport }
func (f fake) User() string      { return f.user }
func (f fake) State() State {
	if f.asked != nil {
		*f.asked++
	}
	return f.state
}

// TestALookIsBounded: however many connections there are, and whatever they hold.
func TestALookIsBounded(t *testing.T) {
	t.Parallel()
	asked := 0
	operation := Operation{ID: strings.Repeat("é", 300), Name: strings.Repeat("n", 300)}
	busy := State{OperationCount: 50}
	for range 50 {
		busy.Operations = append(busy.Operations, operation)
	}
	var entries []Entry
	for n := range 5000 {
		entries = append(entries, Entry{Opening{Number: uint64(n + 1)}, fake{WebSocket, fmt.Sprint("user", n%2), busy, &asked}})
	}
	inspector := &Inspector{Open: func() []Entry { return append([]Entry{}, entries...) }, Endings: &Endings{}}
	got := inspector.Look(Query{Limit: 1 << 30, User: "user1"})
	if got.Total != 5000 || got.Matching != 2500 || len(got.Open) != maxShown || asked != maxShown {
		t.Errorf("%d, %d, %d shown, %d asked", got.Total, got.Matching, len(got.Open), asked)
	}
	first := got.Open[0]
	if first.Number != 5000 || first.OperationCount != 50 || len(first.Operations) != MaxOperations {
		t.Errorf("%+v", first)
	}
	if id := first.Operations[0].ID; len(id) > maxText+len("…") || !utf8.ValidString(id) {
		t.Errorf("%q", id)
	}
	next := inspector.Look(Query{Before: got.Open[maxShown-1].Number, User: "user1"})
	if len(next.Open) != defaultShown || next.Open[0].Number != got.Open[maxShown-1].Number-2 {
		t.Errorf("the next page: %d, from %d", len(next.Open), next.Open[0].Number)
	}
}

// TestNamesAreCopied: a name is a part of its document, which may have megabytes, and 200 ended connections show ten names each.
func TestNamesAreCopied(t *testing.T) {
	t.Parallel()
	document := strings.Repeat("d", 1<<20)
	for _, name := range []string{document[5:10], document[5:900]} {
		var endings Endings
		endings.Add(Entry{Opening{Number: 1}, fake{user: name, state: State{Operations: []Operation{{ID: name, Name: name}}}}})
		kept := endings.newest(Query{}.matches)[0]
		for _, text := range []string{kept.User, kept.Operations[0].ID, kept.Operations[0].Name} {
			if unsafe.StringData(text) == unsafe.StringData(name) {
				t.Errorf("%q is a part of the document", text)
			}
		}
	}
}

// TestEndingsAreBounded: the last ones, the newest first.
func TestEndingsAreBounded(t *testing.T) {
	t.Parallel()
	var endings Endings
	all := func(string, string) bool { return true }
	if got := endings.newest(all); got == nil || len(got) != 0 {
		t.Errorf("%+v", got)
	}
	for n := range 2*MaxEnded + 7 {
		endings.Add(Entry{Opening{Number: uint64(n + 1)}, fake{user: fmt.Sprint(n % 2)}})
		if got := endings.newest(all); len(got) != min(n+1, MaxEnded) || got[0].Number != uint64(n+1) || got[len(got)-1].Number != uint64(max(1, n+2-MaxEnded)) {
			t.Fatalf("after %d: %d, %d to %d", n+1, len(got), got[0].Number, got[len(got)-1].Number)
		}
	}
	if got := endings.newest(Query{User: "1"}.matches); len(got) != MaxEnded/2 {
		t.Errorf("%d of one user", len(got))
	}
	if reason := endings.newest(all)[0].Ending.Reason; reason != "The connection ended." {
		t.Errorf("without a reason: %q", reason)
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		got  *Ending
		want string
	}{
		{ByServer(1013, "Slow reader"), "read too slowly"},
		{ByServer(4409, "Subscriber for a secret already exists"), "still running"},
		{ByServer(1002, "reserved bits are set"), "broke the WebSocket protocol"},
		{ByServer(0, "Something new"), "Something new."},
		{ByClient(1000), "closed the connection"},
		{ByClient(1005), "without a code"},
		{ByClient(4321), "code 4321"},
		{Lost(io.EOF), "without a close frame"},
		{Lost(fmt.Errorf("read: %w", syscall.ECONNRESET)), "reset"},
		{Lost(os.ErrDeadlineExceeded), "too long"},
		{Lost(errors.New("a secret")), "was lost"},
		{Lost(nil), "was lost"},
	} {
		if !strings.Contains(c.got.Reason, c.want) || strings.Contains(c.got.Reason, "secret") || !strings.HasSuffix(c.got.Reason, ".") {
			t.Errorf("%+v, want %q", c.got, c.want)
		}
	}
}

// TestOddParameters: what cannot be read counts as absent.
func TestOddParameters(t *testing.T) {
	t.Parallel()
	inspector := &Inspector{Open: func() []Entry { return []Entry{{Opening{Number: 1}, fake{}}} }, Endings: &Endings{}}
	for _, parameters := range []string{"", "?limit=x&before=-1", "?limit=-5", "?before=", "?limit=99999999999999999999"} {
		answer := httptest.NewRecorder()
		inspector.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/"+parameters, nil))
		var s Snapshot
		if err := json.Unmarshal(answer.Body.Bytes(), &s); err != nil || len(s.Open) != 1 || s.Open[0].Operations == nil {
			t.Errorf("%s: %s, %v", parameters, answer.Body, err)
		}
	}
}
