package redisconn

import (
	"slices"
	"strings"
)

// AddPart adds the state of a user that observes Redis in its own way, as the bus does by messages to itself. trouble returns the
// part and what is wrong with it, from a closed list of words, or "". It must not block.
func (h *Health) AddPart(trouble func() string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts = append(h.parts, trouble)
}

// Trouble says what is wrong, part by part, or returns "" if Redis answers and all parts are well.
func (h *Health) Trouble() string {
	h.mu.Lock()
	parts, cause := slices.Clone(h.parts), h.cause
	h.mu.Unlock()
	var all []string
	if h.Down() {
		all = append(all, "connection: "+Reason(cause))
	}
	for _, trouble := range parts {
		if text := trouble(); text != "" {
			all = append(all, text)
		}
	}
	return strings.Join(all, "; ")
}

// OK reports whether Redis answers and all parts are well.
func (h *Health) OK() bool { return h.Trouble() == "" }

// State is what /readyz and the metrics show: ok; suspect while a probe is under way; degraded if Redis answers and a part is not well;
// or down.
func (h *Health) State() string {
	level, _ := h.Level()
	switch {
	case level == Down:
		return "down"
	case !h.OK():
		return "degraded"
	case level == Suspect:
		return "suspect"
	default:
		return "ok"
	}
}

// Refused returns a channel that receives soon after a server has refused a command though it is well.
func (h *Health) Refused() <-chan struct{} { return h.refused }

// SetRefusing says whether Redis refuses what every reader needs: then it is not Usable, though it answers.
func (h *Health) SetRefusing(refusing bool) { h.refusing.Store(refusing) }

// Refusing reports what SetRefusing has set: another try of the same would be refused too.
func (h *Health) Refusing() bool { return h.refusing.Load() }
