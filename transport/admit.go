package transport

import (
	"errors"
	"net/http"

	"studychat/auth"
)

// Why a connection that would stay is not let in.
var (
	errStopping       = errors.New("stopping")
	errTooManyUser    = errors.New("too many connections of this user")
	errTooManyAddress = errors.New("too many connections from this address")
)

// admit lets a connection in that stays. cut ends it so that its client comes back elsewhere; the connection calls leave
// when it is over.
func (t *Transport) admit(viewer auth.Viewer, r *http.Request, cut func()) (leave func(), err error) {
	leaveUser, ok := t.seats.take("user:"+viewer.ID, t.options.PerUser)
	if !ok {
		t.warnings.refused(causeUser, r)
		return nil, errTooManyUser
	}
	leaveAddress, ok := t.seats.take("address:"+t.addresses.of(r), t.options.PerAddress)
	if !ok {
		t.warnings.refused(causeAddress, r)
		leaveUser()
		return nil, errTooManyAddress
	}
	leaveLive, ok := t.live.enter(cut)
	if !ok {
		leaveUser()
		leaveAddress()
		return nil, errStopping
	}
	return func() { leaveUser(); leaveAddress(); leaveLive() }, nil
}

func refuseAdmission(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errStopping):
		refuseStopping(w)
	case errors.Is(err, errTooManyUser):
		refuseTooMany(w, "You have too many connections open.")
	default:
		refuseTooMany(w, "There are too many connections from your address.")
	}
}
