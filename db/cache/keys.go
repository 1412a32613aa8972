package cache

import (
	"math/rand/v2"
	"strconv"
)

// DefaultPrefix begins every key. The number is the version of what the values look like: raise it with any change to
// them or to the JSON of db.Chat, so that instances of two releases never read each other's values.
const DefaultPrefix = "sc2:"

// keys names what is cached. Every script works on one key alone, so a key may live on any node of a cluster.
type keys struct{ prefix string }

// chat is the body of a chat, the same for all of its members.
func (k keys) chat(id string) string { return k.prefix + "chat:" + id }

// list is the first page of a viewer's chats.
func (k keys) list(viewer string) string { return k.prefix + "list:" + viewer }

// newToken names one lease or one mark. 64 random bits: tokens only have to differ from the few that stand on the same
// key at the same time.
func newToken() string { return strconv.FormatUint(rand.Uint64(), 36) }
