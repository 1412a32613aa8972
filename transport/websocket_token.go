package transport

import (
	"encoding/json"
	"time"

	"studychat/auth"
	"studychat/db"
)

// expiryWarning is how long before its token expires a client is warned. With a token that lasts less than twice as long the
// client is warned halfway: a warning at once would be a loop, in which each renewal is answered by asking for the next.
const expiryWarning = time.Minute

// init finds the viewer by the payload of connection_init, or else by the request's own header, which programs other than
// browsers can send.
func (s *socket) init(payload []byte) *violation {
	if v := objectOrNothing(payload); v != nil {
		return v
	}
	if s.currentIdentity() != nil {
		return &violation{closeTooManyInits, "Too many initialisation requests"}
	}
	ctx := s.request.Context()
	if authorization := authorizationIn(payload); authorization != "" {
		ctx, _ = auth.Authenticate(s.ctx, s.t.options.Verifier, authorization)
	}
	viewer, err := auth.FromContext(ctx)
	if err != nil {
		s.t.refuse.noteToken(s.ctx, err)
	}
	switch {
	case db.CodeOf(err) == db.CodeUnavailable:
		return &violation{closeTryAgain, "The token cannot be checked at the moment"}
	case err != nil:
		return &violation{closeForbidden, "Forbidden"}
	case !s.reserve(viewer):
		return &violation{closeTryAgain, "Too many connections"}
	}
	s.request = nil // an idle socket should hold little memory
	s.setViewer(viewer)
	s.reader.SetLimit(MaxBody)
	s.put(messageAck)
	return nil
}

// reserve acquires a connection of the viewer's quota, for as long as the socket lives.
func (s *socket) reserve(viewer auth.Viewer) bool {
	held, err := s.t.quotas.userConnection(viewer, s.request)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.ofUser = held; s.ending != nil {
		s.held.ofUser.Release()
	}
	return true
}

// ping answers, and renews the token if the client sends a new one.
func (s *socket) ping(payload []byte) *violation {
	if v := objectOrNothing(payload); v != nil {
		return v
	}
	old, authorization := s.currentIdentity(), authorizationIn(payload)
	if old == nil || authorization == "" {
		s.pong(frameText(message("pong", "", payload)))
		return nil
	}
	ctx, err := auth.Authenticate(s.ctx, s.t.options.Verifier, authorization)
	viewer, _ := auth.FromContext(ctx)
	if err != nil {
		s.t.refuse.noteToken(s.ctx, err)
	}
	switch {
	case db.CodeOf(err) == db.CodeUnavailable:
		viewer = old.Viewer // its token is still valid; the client is warned again, halfway through what is left of it
	case err != nil || viewer.ID != old.Viewer.ID:
		return &violation{closeForbidden, "Forbidden"}
	}
	s.setViewer(viewer)
	s.pong(frameText(message("pong", "", expiresIn(viewer.Expires))))
	return nil
}

// setViewer accepts a token. The client is warned before the token expires; when it does the socket ends, with a code after
// which clients reconnect with a fresh token.
func (s *socket) setViewer(viewer auth.Viewer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.identity = &auth.Identity{Viewer: viewer}
	if s.ending != nil {
		return
	}
	if viewer.Expires.IsZero() {
		s.timer.Stop()
		return
	}
	left := time.Until(viewer.Expires)
	s.warnAt = viewer.Expires.Add(-min(expiryWarning, left/2))
	s.timer.Reset(time.Until(s.warnAt))
}

// timeIsUp is called when the init takes too long, when the token is about to expire, and when it does. It trusts what it finds: the
// token may have been renewed since the timer fired.
func (s *socket) timeIsUp() {
	s.mu.Lock()
	if s.identity == nil {
		s.mu.Unlock()
		s.end(closeInitTimeout, "Connection initialisation timeout")
		return
	}
	now, expires := time.Now(), s.identity.Viewer.Expires
	warns, ends := !now.Before(s.warnAt), !now.Before(expires)
	switch {
	case s.ending != nil, expires.IsZero(), ends:
	case warns:
		s.timer.Reset(expires.Sub(now))
	default:
		s.timer.Reset(s.warnAt.Sub(now))
	}
	s.mu.Unlock()
	switch {
	case expires.IsZero():
	case ends:
		s.end(closeForbidden, "Token expired")
	case warns:
		s.put(message("ping", "", expiresIn(expires)))
	}
}

// currentIdentity is nil before the init.
func (s *socket) currentIdentity() *auth.Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.identity
}

// expiresIn is the payload that tells a client how long its token lasts; a token that does not expire has none.
func expiresIn(at time.Time) []byte {
	if at.IsZero() {
		return nil
	}
	return encode(map[string]int64{"tokenExpiresInMs": max(0, time.Until(at).Milliseconds())})
}

// authorizationIn finds the value of an Authorization header, under the names that clients use in a payload.
func authorizationIn(payload []byte) string {
	var object map[string]any
	_ = json.Unmarshal(payload, &object) // checked to be an object, or nothing
	for _, key := range []string{"authorization", "Authorization"} {
		if text, ok := object[key].(string); ok {
			return text
		}
	}
	return ""
}
