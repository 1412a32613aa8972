package clients

import (
	"testing"
	"time"
)

// TestAudits runs all audits of graphql-http for GraphQL over HTTP: MUST, SHOULD and MAY.
func TestAudits(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	c := s.script(t, "", issue(t, lasting("ann")), []string{"audit.mjs"})
	deadline, ok := time.After(waitLong), 0
	for range 61 {
		l := c.next(deadline, "61 audits")
		if l.Kind != "audit" || l.Status != "ok" {
			t.Errorf("%s %s: %s: %s", l.ID, l.Status, l.Name, l.Reason)
			continue
		}
		ok++
	}
	if l, more := <-c.lines; more {
		t.Errorf("one more: %s %s", l.ID, l.Name)
	}
	t.Logf("graphql-http: %d of 61 audits ok", ok)
}
