package hub

import (
	"fmt"

	"studychat/db"
)

// validator checks what one subscriber of one chat got against promise 2: every committed event after the cursor, once,
// in order, without a gap.
type validator struct {
	cursor   int64 // of the last event, or where the stream began
	problems []string
}

func (v *validator) event(event *db.Event) {
	switch {
	case event.Seq <= v.cursor:
		v.problem("event %d after %d: doubled or out of order", event.Seq, v.cursor)
	case event.Seq > v.cursor+1:
		v.problem("event %d after %d: %d missed", event.Seq, v.cursor, event.Seq-v.cursor-1)
	}
	v.cursor = max(v.cursor, event.Seq)
}

// end checks that the stream came as far as it should have.
func (v *validator) end(head int64) {
	if v.cursor != head {
		v.problem("ended at %d instead of %d", v.cursor, head)
	}
}

func (v *validator) problem(format string, args ...any) {
	v.problems = append(v.problems, fmt.Sprintf(format, args...))
}
