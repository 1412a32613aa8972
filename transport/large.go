package transport

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
)

// Bounds of what waits for slow readers. Two hundred connections that each read a page of 5 MB a byte at a time would hold
// two gigabytes.
const (
	largeAnswer  = outboxBytes // smaller answers are not counted
	largeAnswers = 16 << 20    // bytes of one user, on this instance; one answer may be larger if it is the only one
)

// hold counts a large answer while it waits for its reader, or says that there is too much already.
func (t *Transport) hold(ctx context.Context, answer []byte) (release func(), ok bool) {
	viewer, err := auth.FromContext(ctx)
	if err != nil || len(answer) <= largeAnswer || t.options.PerUser == 0 {
		return func() {}, true
	}
	return t.seats.takeSome("answers:"+viewer.ID, len(answer), largeAnswers)
}

func tooMuchWaits() *graphql.Response {
	return failure(db.CodeRateLimited, "Too much waits for you already: read the answers that you asked for.", map[string]any{"retryAfterMs": 1000})
}
