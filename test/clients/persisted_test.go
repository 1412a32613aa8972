package clients

import "testing"

// TestApolloPersistsQueries: the server asks for a document it does not know, and knows it from then on.
func TestApolloPersistsQueries(t *testing.T) {
	t.Parallel()
	needNode(t)
	s := start(t)
	said := s.script(t, "", issue(t, lasting("ann")), []string{"persisted.mjs"}).wait("persisted")
	if want := "hash, text, hash"; said.Text != want {
		t.Errorf("sent %s, want %s", said.Text, want)
	}
}
