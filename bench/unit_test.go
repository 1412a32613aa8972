//go:build linux

package bench

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}":                             true,
		"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx: y\r\n\r\n{}":                     true,
		"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}":                             false,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n":  true,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n":           false,
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n":                                   false,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcd0": false,
	} {
		if complete([]byte(text)) != want {
			t.Errorf("complete(%q) is not %v", text, want)
		}
	}
}

func TestStamps(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 123)
	text := `{"a":"` + stamped(now, 100) + `","b":"` + stamped(now.Add(1), 0) + `","c":"@@no@@"}`
	got := stamps([]byte(text))
	if len(got) != 2 || got[0] != now.UnixNano() || got[1] != now.UnixNano()+1 {
		t.Errorf("%v in %s", got, text)
	}
	if n := len(stamped(now, 200)); n != 200 {
		t.Errorf("%d bytes", n)
	}
	if got := stamps([]byte("@@17000000000000")); got != nil {
		t.Errorf("%v in half a stamp", got)
	}
}

// TestFrames: messages are found whatever their length, in pieces, and between frames of control.
func TestFrames(t *testing.T) {
	t.Parallel()
	frame := func(first byte, payload string) []byte {
		switch n := len(payload); {
		case n < 126:
			return append([]byte{first, byte(n)}, payload...)
		case n < 1<<16:
			return append([]byte{first, 126, byte(n >> 8), byte(n)}, payload...)
		default:
			return append([]byte{first, 127, 0, 0, 0, 0, 0, byte(n >> 16), byte(n >> 8), byte(n)}, payload...)
		}
	}
	long, longer := strings.Repeat("b", 300), strings.Repeat("c", 70_000)
	wire := bytes.Join([][]byte{frame(0x81, "a"), frame(0x80|pongFrame, ""), frame(0x81, long), frame(0x01, "d"), frame(0x80, "e"), frame(0x81, longer)}, nil)
	want := []string{"a", long, "de", longer}
	for step := range 5 {
		s, pending, got := &subscriber{}, []byte{}, []string{}
		for part := range bytesBy(wire, 1+step*77) {
			rest, err := s.frames(append(pending, part...), func(text []byte) { got = append(got, string(text)) })
			if err != nil {
				t.Fatal(err)
			}
			pending = bytes.Clone(rest)
		}
		if strings.Join(got, "|") != strings.Join(want, "|") || len(pending) > 0 {
			t.Errorf("in pieces of %d: %d messages, %d bytes left", 1+step*77, len(got), len(pending))
		}
	}
	if _, err := (&subscriber{}).frames(frame(0x80|closeFrame, "\x03\xe8"), nil); err == nil {
		t.Error("a close passes")
	}
	if _, err := (&subscriber{}).frames(frame(0x81, `{"type":"error"}`), func([]byte) {}); err == nil {
		t.Error("an error passes")
	}
}

func bytesBy(all []byte, step int) func(func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(all) > 0 {
			n := min(step, len(all))
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}

func TestClientFrame(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 200, 60_000} {
		frame := clientFrame(textFrame, strings.Repeat("x", n))
		head := 2
		if n > 125 {
			head = 4
		}
		if frame[0] != 0x81 || frame[1]&0x80 == 0 || len(frame) != head+4+n+2 {
			t.Errorf("%d bytes: %x, %d long", n, frame[:4], len(frame))
		}
	}
}

// TestArrived: a delivery that is missing, and one that came twice instead of another, are found.
func TestArrived(t *testing.T) {
	t.Parallel()
	for reason, received := range map[string][2]int64{"right": {2, 30}, "one twice instead of another": {2, 20}, "one too many": {3, 40}} {
		s := &subscriber{}
		s.got.Store(received[0])
		s.sum.Store(received[1])
		a := &audience{crowd: &crowd{all: []*subscriber{s}}, sent: []int64{10, 20}}
		a.received.Store(received[0])
		if err := a.arrived(); (err == nil) != (reason == "right") {
			t.Errorf("%s: %v", reason, err)
		}
	}
	if err := (&audience{crowd: &crowd{}}).arrived(); err == nil {
		t.Error("nothing published passes")
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	r := &results{}
	for n := range 3 {
		r.add("chats", "floor", n, figures{"rate": 100, "p99_ms": 1})
		r.add("chats", ours, n, figures{"rate": 60 + 10*float64(n), "p99_ms": 4})
		r.add("chats", "gqlgen", n, figures{"rate": 5})
	}
	r.add("chats", ours, 3, figures{"rate": 1}) // of a round in which nothing else was measured
	found := map[string]judged{}
	for _, j := range r.judge() {
		if j.Measured != nil {
			found[j.Text] = j
		}
	}
	floor := found["rate, × `net/http` + one Redis GET"]
	if *floor.Measured != (spread{0.6, 0.7, 0.8}) || !floor.Met || floor.Bound != "≥ 0.7" {
		t.Errorf("%+v", floor)
	}
	if j := found["p99 at 64 connections, × the floor's"]; j.Met {
		t.Errorf("%+v", j)
	}
	if j := found["rate, × gqlgen as it comes, in memory"]; !j.Met || j.Measured.Median != 14 {
		t.Errorf("%+v", j)
	}
	if len(found) != 3 {
		t.Errorf("%d goals measured", len(found))
	}
}

// TestPage: only what is between the markers changes, and a page without them is refused.
func TestPage(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := &results{}
	r.add("typename", "floor", 0, figures{"rate": 1000, "cpu_us": 10})
	r.add("typename", ours, 0, figures{"rate": 500, "cpu_us": 25})
	r.Goals = r.judge()
	write("before\n" + begin + "old\n" + end + "after\n")
	for range 2 {
		if err := writePage(file, r); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"before\n" + begin, end + "after\n", "| ≤ 2 | 2.50 | 2.50 to 2.50 | **falls short** |", "| studychat | 500 | 25.0 |", "not measured"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "old") {
		t.Error("the old table is still there")
	}
	write("no markers\n")
	if writePage(file, r) == nil {
		t.Error("a page without markers passes")
	}
}

// TestMerge: a run of some scenarios keeps the figures of the others.
func TestMerge(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "results.json")
	if err := os.WriteFile(file, []byte(`{"rounds":[{"scenario":"a","target":"x","figures":{"rate":1}},{"scenario":"b","target":"x","figures":{"rate":2}}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	r := &results{}
	r.add("b", "x", 0, figures{"rate": 3})
	all, err := r.merged(file)
	if err != nil {
		t.Fatal(err)
	}
	if all.of(side{"a", "x", "rate"})[0] != 1 || all.of(side{"b", "x", "rate"})[0] != 3 || len(all.Rounds) != 2 {
		t.Errorf("%+v", all.Rounds)
	}
	if first, err := r.merged(filepath.Join(t.TempDir(), "none")); err != nil || len(first.Rounds) != 1 {
		t.Errorf("the first run: %+v %v", first, err)
	}
}

// TestServerIsClean: nothing of the benchmarks is linked into the server.
func TestServerIsClean(t *testing.T) {
	t.Parallel()
	out, err := run(t.Context(), "..", "go", "list", "-deps", ".")
	if err != nil {
		t.Fatal(err)
	}
	packages := strings.Fields(string(out))
	if len(packages) < 100 {
		t.Fatalf("%d packages", len(packages))
	}
	for _, name := range packages {
		if strings.HasPrefix(name, "studychat/bench") || strings.Contains(name, "lxzan/gws") {
			t.Errorf("the server links %s", name)
		}
	}
}

// TestPageShowsResults: the tables of the page are those of results.json, and nobody has edited them.
func TestPageShowsResults(t *testing.T) {
	t.Parallel()
	saved, err := os.ReadFile(resultsFile)
	if err != nil {
		t.Fatal(err)
	}
	var r results
	if err := json.Unmarshal(saved, &r); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if _, shown, _ := strings.Cut(string(text), begin); !strings.HasPrefix(shown, tables(&r)+end) {
		t.Error("docs/performance.md does not show bench/results.json")
	}
}
