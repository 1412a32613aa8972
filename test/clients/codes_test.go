package clients

import (
	"testing"
	"time"
)

// TestCloseCodesAreSeen checks that clients see the close codes of docs/clients.md, even while they are still sending.
func TestCloseCodesAreSeen(t *testing.T) {
	t.Parallel()
	needNode(t)
	want := map[string]code{
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
	}
	c := start(t).script(t, "", issue(t, lasting("ann")), []string{"codes.mjs"})
	for deadline := time.After(waitLong); len(want) > 0; {
		l := c.next(deadline, "the codes of all mistakes")
		if l.Kind != "mistake" {
			continue
		}
		if l.Code != want[l.Name] {
			t.Errorf("%s: closed with %s, want %s", l.Name, l.Code, want[l.Name])
		}
		delete(want, l.Name)
	}
}
