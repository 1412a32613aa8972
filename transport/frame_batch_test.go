package transport

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"studychat/graph"
)

// TestSharedFrames: what is built once and shared has the bytes of what is built for each member.
func TestSharedFrames(t *testing.T) {
	t.Parallel()
	batch := &graph.Batch{}
	for n, size := range []int{0, 10, 100, 126, 60_000, 70_000} {
		batch.Answers = append(batch.Answers, graph.Answer{Payload: []byte(`{"data":"` + strings.Repeat("x", size) + `"}`), Cursor: fmt.Sprintf("c.1.%d", n)})
	}
	batch.Answers = append(batch.Answers, graph.Answer{Payload: []byte("{\r\n}"), Cursor: "evil\n"})
	for _, id := range []string{"1", "2", `"<é>`, strings.Repeat("u", 36), "3", strings.Repeat("v", 36), strings.Repeat("w", maxOperationID), "4"} {
		var frames, events, plain []byte
		for _, answer := range batch.Answers {
			frames = append(frames, frameNext(quote(id), answer.Payload)...)
			events = append(events, eventNext(quote(id), answer.Payload, "")...)
			plain = append(plain, eventNext("", answer.Payload, answer.Cursor)...)
		}
		if !bytes.Equal(socketFrames(batch, quote(id)), frames) {
			t.Errorf("%q: frames differ", id)
		}
		if !bytes.Equal(eventFrames(batch, quote(id)), events) {
			t.Errorf("%q: events differ", id)
		}
		if !bytes.Equal(eventFrames(batch, ""), plain) {
			t.Error("events without an operation differ")
		}
	}
	if n := len(framesOf(batch).ofSockets); n != 4 {
		t.Errorf("built %d times for 4 lengths of ids", n)
	}
}

// TestSharedFramesCostNothing: a member of a batch costs no allocation once there are frames for its length of id.
func TestSharedFramesCostNothing(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	batch := &graph.Batch{Answers: []graph.Answer{{Payload: make([]byte, 400)}, {Payload: make([]byte, 400)}}}
	one, two := quote("1"), quote("2")
	socketFrames(batch, one)
	eventFrames(batch, "")
	if allocs := testing.AllocsPerRun(100, func() {
		socketFrames(batch, two)
		eventFrames(batch, "")
	}); allocs > 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkFrames(b *testing.B) {
	payload := make([]byte, 450)
	batch := &graph.Batch{Answers: []graph.Answer{{Payload: payload}}}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			frameNext(`"1"`, payload)
		}
	})
	b.Run("shared", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			socketFrames(batch, `"1"`)
		}
	})
}
