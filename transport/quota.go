package transport

import (
	"context"
	"errors"
	"net/http"

	"studychat/auth"
	"studychat/transport/admission"
	"studychat/transport/wire"
)

// Bounds of large requests and answers. In memory a large request takes about five times its bytes. Two hundred connections
// that each read a page of 5 MB a byte at a time would hold two gigabytes.
const (
	largeBodies  = 32 << 20         // bytes of large requests under way on this instance
	largeOfUser  = 3 * MaxBody      // of one user
	largeAnswer  = wire.OutboxBytes // smaller answers are not counted
	largeAnswers = 16 << 20         // bytes of one user's answers that wait for their reader on this instance
)

// Why a connection is not admitted.
var (
	errStopping       = errors.New("stopping")
	errTooManyUser    = errors.New("too many connections of this user")
	errTooManyAddress = errors.New("too many connections from this address")
	errTooMany        = errors.New("too many connections")
)

// quotas are the quotas of this instance: of connections that stay open (sockets and event streams), and of large requests
// and answers. Each method acquires from one of them; the caller releases it.
type quotas struct {
	*admission.Quota

	total, perUser, perAddress int
	addresses                  admission.Addresses
	warnings                   *admission.Warnings
}

// connection is what an open connection holds of the quotas. A socket acquires the user with its init.
type connection struct{ ofAll, ofAddress, ofUser admission.Held }

func (q quotas) userConnection(viewer auth.Viewer, r *http.Request) (admission.Held, error) {
	held, ok := q.Acquire("user:"+viewer.ID, 1, q.perUser)
	if !ok {
		q.warnings.Refused(admission.UserRefused, r)
		return held, errTooManyUser
	}
	return held, nil
}

// addressConnection acquires all but the user.
func (q quotas) addressConnection(r *http.Request) (c connection, err error) {
	var ok bool
	if c.ofAddress, ok = q.Acquire("address:"+q.addresses.Of(r), 1, q.perAddress); !ok {
		q.warnings.Refused(admission.AddressRefused, r)
		return c, errTooManyAddress
	}
	if c.ofAll, ok = q.Acquire("all", 1, q.total); !ok {
		q.warnings.Refused(admission.TotalRefused, r)
		c.release()
		return c, errTooMany
	}
	return c, nil
}

// connection acquires everything.
func (q quotas) connection(viewer auth.Viewer, r *http.Request) (c connection, err error) {
	ofUser, err := q.userConnection(viewer, r)
	if err != nil {
		return c, err
	}
	if c, err = q.addressConnection(r); err != nil {
		ofUser.Release()
		return c, err
	}
	c.ofUser = ofUser
	return c, nil
}

func (c *connection) release() {
	c.ofUser.Release()
	c.ofAddress.Release()
	c.ofAll.Release()
}

// largeBody counts a large request while it is read and executed.
func (q quotas) largeBody(ctx context.Context, size int) (release func(), ok bool) {
	ofAll, ok := q.Acquire("bodies", size, largeBodies)
	if !ok {
		return nil, false
	}
	viewer, err := auth.FromContext(ctx)
	if err != nil || q.perUser == 0 {
		return ofAll.Release, true
	}
	ofUser, ok := q.Acquire("bodies:"+viewer.ID, size, largeOfUser)
	if !ok {
		ofAll.Release()
		return nil, false
	}
	return func() { ofUser.Release(); ofAll.Release() }, true
}

// answer counts a large answer while it waits for its reader.
func (q quotas) answer(ctx context.Context, answer []byte) (release func(), ok bool) {
	viewer, err := auth.FromContext(ctx)
	if err != nil || len(answer) <= largeAnswer || q.perUser == 0 {
		return nothing, true
	}
	held, ok := q.Acquire("answers:"+viewer.ID, len(answer), largeAnswers)
	return held.Release, ok
}
