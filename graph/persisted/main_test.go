package persisted

import (
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// put keeps a document and returns its hash.
func put(t testing.TB, store *Memory, document string) string {
	t.Helper()
	hash := Hash(document)
	store.Put(hash, document)
	return hash
}

// has fails unless the store returns the document.
func has(t testing.TB, store *Memory, document string) {
	t.Helper()
	if got, ok := store.Get(Hash(document)); !ok || got != document {
		t.Errorf("got %t %.40q, want %.40q", ok, got, document)
	}
}

// hasNot fails if the store returns anything for the document's hash.
func hasNot(t testing.TB, store *Memory, document string) {
	t.Helper()
	if got, ok := store.Get(Hash(document)); ok {
		t.Errorf("got %.40q, want nothing", got)
	}
}
