package transport

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"studychat/auth"
	"studychat/db"
	"studychat/graph"
)

// Bounds of what one request or message may hold, and of what all of them may together.
const (
	// MaxBody is the largest body and the largest message in bytes. It lets through what the schema promises, as careful
	// encoders write it: a character outside of the basic plane takes 14 bytes, \\ud83d\\ude00, if the document escapes it
	// and then JSON escapes the document.
	MaxBody = graph.LongestText*14 + smallBody

	smallBody      = 128 << 10        // up to here nothing is counted; a request without a long text needs a tenth
	largeBodies    = 32 << 20         // bytes of larger ones under way, on this instance; in memory each takes about five times as much
	largeOfUser    = 3 * MaxBody      // of one user
	largeTimeout   = 30 * time.Second // for a large one to arrive
	retryLargeBody = 1000             // milliseconds until one may fit
)

var (
	// errBusy refuses a large body for now.
	errBusy = errors.New("too many large requests are under way")

	// errLateBody is as often the network's fault, or ours when the process was frozen, as the client's.
	errLateBody = errors.New("the body did not arrive in time")
)

// incoming is a request that was read. release must be called once it has run, or was refused; more often does no harm.
type incoming struct {
	*graphql.RawParams

	large   bool
	release func()
}

func small(params *graphql.RawParams) *incoming { return &incoming{params, false, func() {}} }

// countLarge counts a large body while it is read and under way.
func (t *Transport) countLarge(ctx context.Context, size int) (release func(), ok bool) {
	ofAll, ok := t.seats.takeSome("bodies", size, largeBodies)
	if !ok {
		return nil, false
	}
	viewer, err := auth.FromContext(ctx)
	if err != nil || t.options.PerUser == 0 {
		return ofAll, true
	}
	ofUser, ok := t.seats.takeSome("bodies:"+viewer.ID, size, largeOfUser)
	if !ok {
		ofAll()
		return nil, false
	}
	return func() { ofUser(); ofAll() }, true
}

// readBody reads a whole body within the bounds.
func (t *Transport) readBody(w http.ResponseWriter, r *http.Request) (body []byte, release func(), err error) {
	release = func() {}
	bounded := http.MaxBytesReader(w, r.Body, MaxBody)
	body, err = io.ReadAll(io.LimitReader(bounded, smallBody+1))
	if err == nil && len(body) > smallBody {
		size := MaxBody
		if r.ContentLength > 0 && r.ContentLength < MaxBody {
			size = int(r.ContentLength)
		}
		var ok bool
		if release, ok = t.countLarge(r.Context(), size); !ok {
			t.warnings.refused(causeBodies, r)
			return nil, nil, errBusy
		}
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(largeTimeout))
		body, err = readRest(bounded, body, size, func() {})
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return body, release, nil
}

// readRest reads on after begin, and calls heard after each part.
func readRest(from io.Reader, begin []byte, size int, heard func()) ([]byte, error) {
	var all bytes.Buffer
	all.Grow(size + bytes.MinRead) // once: a buffer that grows leaves as much behind
	all.Write(begin)
	for {
		n, err := io.CopyN(&all, from, smallBody)
		if n > 0 {
			heard()
		}
		if errors.Is(err, io.EOF) {
			return all.Bytes(), nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// refuseBusy sends away a large body, for a moment.
func refuseBusy(w http.ResponseWriter) {
	answer := failure(db.CodeUnavailable, "Too many large requests are under way. Try again in a moment.", map[string]any{"retryAfterMs": retryLargeBody})
	w.Header().Set("Retry-After", retryAfter(answer))
	refuseWith(w, http.StatusServiceUnavailable, answer)
}
