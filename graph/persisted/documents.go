// Package persisted keeps GraphQL documents under short names, so that clients need not send them each time: those that
// clients register themselves, by their hash (automatic persisted queries), and those that the operator of the server
// trusts, by the id that a build tool gave them (a manifest).
package persisted

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// MaxDocument is the size in bytes of the largest document that a Store keeps. It is what 5,000 tokens, the edge's limit,
// take with names of usual length; larger documents are mostly comments or blanks. A larger document still runs, but its
// client has to send it each time.
const MaxDocument = 64 << 10

// Store keeps documents by their hash, for all clients of this instance. It is a cache: a document may be forgotten at any
// moment, and the client then sends it again. Implementations are safe for concurrent use.
type Store interface {
	// Get returns the document whose Hash is hash.
	Get(hash string) (document string, ok bool)

	// Put keeps a document of up to MaxDocument bytes; larger ones are ignored. The caller has checked that hash is
	// Hash(document), and that the document may run: what is put here is served to everyone.
	Put(hash, document string)
}

// Hash names a document: SHA-256 of its bytes in 64 lower-case hexadecimal digits, the only form that Apollo's protocol
// and the persisted documents of GraphQL over HTTP (appendix A) know.
func Hash(document string) string {
	sum := sha256.Sum256([]byte(document))
	return hex.EncodeToString(sum[:])
}

// IsHash says whether text has the form of a Hash.
func IsHash(text string) bool {
	return len(text) == 2*sha256.Size && strings.Trim(text, "0123456789abcdef") == ""
}
