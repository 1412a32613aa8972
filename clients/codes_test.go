package clients

import "testing"

// TestCloseCodesAreSeen: what docs/clients.md says about close codes is what a client sees, also while it is still sending.
func TestCloseCodesAreSeen(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	for mistake, want := range map[string]code{
		"a bad message":                     "4400",
		"subscribed too early":              "4401",
		"no sub-protocol offered":           "4406",
		"another sub-protocol offered":      "1006", // RFC 6455, 4.1: the client fails the handshake
		"no init":                           "4408",
		"an id used twice":                  "4409",
		"initialised twice":                 "4429",
		"a refused token":                   "4403",
		"a flood":                           "1008",
		"a message of 4 MB":                 "1009",
		"a message of 1 MB before the init": "1009",
	} {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			c := s.script(t, "", issue(t, lasting("ann")), []string{"codes.mjs", mistake})
			if l := c.wait("closed"); l.Code != want {
				t.Errorf("closed with %s, want %s", l.Code, want)
			}
		})
	}
}
