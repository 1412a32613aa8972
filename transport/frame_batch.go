package transport

import "studychat/graph"

// shared are the frames of a batch for members whose operation ids have the same length. They differ in the id alone, which is
// written into them for one member after the other.
type shared struct {
	bytes []byte
	ids   []int // where the id is
}

// batchFrames are the frames of a batch, by the length of the quoted id, as far as members needed them. A stream of distinct mode
// names no operation: its length is 0.
type batchFrames struct {
	ofSockets, ofEvents map[int]*shared
}

func framesOf(batch *graph.Batch) *batchFrames {
	frames, ok := batch.Frames.(*batchFrames)
	if !ok {
		frames = &batchFrames{map[int]*shared{}, map[int]*shared{}}
		batch.Frames = frames
	}
	return frames
}

// socketFrames are the frames of a batch for a socket. They are valid until the next call.
func socketFrames(batch *graph.Batch, quoted string) []byte {
	return sharedFrames(framesOf(batch).ofSockets, batch.Answers, quoted, func(to []byte, answer graph.Answer) ([]byte, int) {
		return appendNext(to, quoted, answer.Payload)
	})
}

// eventFrames are the events of a batch for a stream; quoted is "" in distinct mode. They are valid until the next call.
func eventFrames(batch *graph.Batch, quoted string) []byte {
	return sharedFrames(framesOf(batch).ofEvents, batch.Answers, quoted, func(to []byte, answer graph.Answer) ([]byte, int) {
		return appendEvent(to, "next", quoted, answer.Payload, cursorFor(quoted, answer))
	})
}

func sharedFrames(known map[int]*shared, answers []graph.Answer, quoted string, build func(to []byte, answer graph.Answer) ([]byte, int)) []byte {
	s := known[len(quoted)]
	if s == nil {
		s = &shared{ids: make([]int, len(answers))}
		for i, answer := range answers {
			s.bytes, s.ids[i] = build(s.bytes, answer)
		}
		known[len(quoted)] = s
		return s.bytes
	}
	for _, at := range s.ids {
		copy(s.bytes[at:], quoted)
	}
	return s.bytes
}

// cursorFor is the cursor that an event carries as its id: in single connection mode none, since it would be that of one of many
// operations.
func cursorFor(quoted string, answer graph.Answer) string {
	if quoted != "" {
		return ""
	}
	return answer.Cursor
}
