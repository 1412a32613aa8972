package clients

import "testing"

// TestApolloPersistsQueries checks that the server asks for an unknown document and knows it afterwards.
func TestApolloPersistsQueries(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	said := s.script(t, "", issue(t, lasting("ann")), []string{"persisted.mjs"}).wait("persisted")
	if want := "hash, text, hash"; said.Text != want {
		t.Errorf("sent %s, want %s", said.Text, want)
	}
}
