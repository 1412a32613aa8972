package transport

import (
	"encoding/json"
	"time"

	"studychat/auth"
	"studychat/db"
)

// expiryWarning is how long before its token ends a client is told. A token of less than twice as long is told of halfway:
// at once would be a loop, in which each renewal is answered by asking for the next.
const expiryWarning = time.Minute

// init names the viewer by the payload of connection_init, or else by the request's own header, which programs that are no
// browser can send.
func (s *socket) init(payload json.RawMessage) *violation {
	if v := objectOrNothing(payload); v != nil {
		return v
	}
	if _, named := s.currentViewer(); named {
		return &violation{closeTooManyInits, "Too many initialisation requests"}
	}
	ctx := s.ctx
	if authorization := authorizationIn(payload); authorization != "" {
		ctx, _ = auth.Authenticate(ctx, s.t.options.Verifier, authorization)
	}
	viewer, err := auth.FromContext(ctx)
	switch {
	case db.CodeOf(err) == db.CodeUnavailable:
		return &violation{closeTryAgain, "The token cannot be checked at the moment"}
	case err != nil:
		return &violation{closeForbidden, "Forbidden"}
	case !s.sit(viewer):
		return &violation{closeTryAgain, "Too many connections"}
	}
	s.request = nil // a socket that says nothing for days should hold little
	s.rename(viewer)
	s.conn.SetReadLimit(MaxBody)
	s.put(messageAck)
	return nil
}

// sit takes one of the viewer's seats, for as long as the socket lives.
func (s *socket) sit(viewer auth.Viewer) bool {
	leave, ok := s.t.seats.take("user:"+viewer.ID, s.t.options.PerUser)
	if !ok {
		s.t.warnings.refused(causeUser, s.request)
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		leave()
		return true
	}
	s.leave = append(s.leave, leave)
	return true
}

// ping answers, and renews the token if the client sends a new one.
func (s *socket) ping(payload json.RawMessage) *violation {
	if v := objectOrNothing(payload); v != nil {
		return v
	}
	old, named := s.currentViewer()
	authorization := authorizationIn(payload)
	if !named || authorization == "" {
		s.pong(&frame{bytes: message("pong", "", payload)})
		return nil
	}
	ctx, err := auth.Authenticate(s.ctx, s.t.options.Verifier, authorization)
	viewer, _ := auth.FromContext(ctx)
	switch {
	case db.CodeOf(err) == db.CodeUnavailable:
		viewer = old // is still good: the client is asked again, halfway through what is left of it
	case err != nil || viewer.ID != old.ID:
		return &violation{closeForbidden, "Forbidden"}
	}
	s.rename(viewer)
	s.pong(&frame{bytes: message("pong", "", expiresIn(viewer.Expires))})
	return nil
}

// rename takes over a token. Before it ends the client is warned; when it ends the socket does, with a code after which
// clients come back, with a fresh token.
func (s *socket) rename(viewer auth.Viewer) {
	s.mu.Lock()
	s.named, s.viewer = true, viewer
	s.mu.Unlock()
	s.unschedule() // the init timeout, or those of the old token
	if viewer.Expires.IsZero() {
		return
	}
	left := time.Until(viewer.Expires)
	s.schedule(left-min(expiryWarning, left/2), func() { s.put(message("ping", "", expiresIn(viewer.Expires))) })
	s.schedule(left, func() { s.end(closeForbidden, "Token expired") })
}

func (s *socket) currentViewer() (viewer auth.Viewer, named bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.viewer, s.named
}

// expiresIn is the payload that tells a client how long its token lasts; a token without an end has none.
func expiresIn(at time.Time) []byte {
	if at.IsZero() {
		return nil
	}
	return encode(map[string]int64{"tokenExpiresInMs": max(0, time.Until(at).Milliseconds())})
}

// authorizationIn finds what would be the Authorization header, under the names that clients use in a payload.
func authorizationIn(payload json.RawMessage) string {
	var object map[string]any
	_ = json.Unmarshal(payload, &object) // checked to be an object, or nothing
	for _, key := range []string{"authorization", "Authorization"} {
		if text, ok := object[key].(string); ok {
			return text
		}
	}
	return ""
}
