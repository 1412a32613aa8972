package redisconn

import (
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
)

//go:generate go test -run TestTagsAreGenerated -update .

// Partitions is the number of channels that carry events.
const Partitions = 96

// CacheVersion is the version of the cached values. Raise it with any change to their form, so that instances of two releases
// never read each other's values; a test of db/cache tells when.
const CacheVersion = "3"

// Keys builds the name of every key and channel that studychat uses in Redis: no other package builds one. All names of one
// database begin alike, and the names of one kind never begin like those of another, so that a scan for one kind cannot find
// another. A name contains the id of the database, which two environments that share a Redis do not have in common.
//
// Keys are immutable. They are replaced when the database gets a new id (see Namespace).
//
//	<prefix>:<database>:cache<version>:chat:<id>      a chat: string
//	<prefix>:<database>:cache<version>:list:<viewer>  the first page of a viewer's chats: string
//	<prefix>:<database>:online:<topic>                who is connected: sorted set
//	<prefix>:<database>:instances:{<tag>}             the instances that are alive, for those sets: sorted set
//	<prefix>:<database>:rate:<bucket>                 a rate limit's bucket: string
//	<prefix>:<database>:events:{<tag>}                the events of one partition: channel
//	<prefix>:<database>:probe:{<tag>}:<instance>      an instance's probes of the partition's node: channel
//	<prefix>:<database>:check:{<tag>}:<id>            what is tried, and removed at once, at the partition's node
type Keys struct {
	base     string
	replaced chan struct{}
}

// NewKeys returns the names for a database with a fixed id.
func NewKeys(prefix, database string) *Keys {
	return &Keys{base: prefix + ":" + database + ":", replaced: make(chan struct{})}
}

// Chat is the key of a cached chat, the same for all of its members.
func (k *Keys) Chat(id string) string { return k.base + "cache" + CacheVersion + ":chat:" + id }

// List is the key of the cached first page of a viewer's chats.
func (k *Keys) List(viewer string) string { return k.base + "cache" + CacheVersion + ":list:" + viewer }

// Cached is the pattern that matches all keys of Chat and List, and nothing else.
func (k *Keys) Cached() string { return k.base + "cache" + CacheVersion + ":*" }

// Online is the key of the set of those who are connected to a topic.
func (k *Keys) Online(topic string) string { return k.base + "online:" + topic }

// Instances is the key of the set of the instances that are alive, at the partition's node.
func (k *Keys) Instances(partition int) string { return k.base + "instances:{" + tags[partition] + "}" }

// Rate is the key of a rate limit's bucket.
func (k *Keys) Rate(bucket string) string { return k.base + "rate:" + bucket }

// Channel is the channel of a partition's events. Its hash tag spreads the partitions evenly over the masters of a cluster.
func (k *Keys) Channel(partition int) string { return k.base + "events:{" + tags[partition] + "}" }

// Probe is the channel on which an instance sends probes to itself. It is in the same slot as the partition's channel, so that a
// probe which comes back proves that the partition's node is reached.
func (k *Keys) Probe(partition int, instance string) string {
	return k.base + "probe:{" + tags[partition] + "}:" + instance
}

// Check is a key for trying what the partition's node allows.
func (k *Keys) Check(partition int, id string) string {
	return k.base + "check:{" + tags[partition] + "}:" + id
}

// Partition is the inverse of Channel.
func (k *Keys) Partition(channel string) (partition int, ok bool) {
	tag, ok := strings.CutPrefix(channel, k.base+"events:{")
	tag, closed := strings.CutSuffix(tag, "}")
	partition, known := partitionOf[tag]
	return partition, ok && closed && known
}

var partitionOf = func() map[string]int {
	found := make(map[string]int, Partitions)
	for p, tag := range tags {
		found[tag] = p
	}
	return found
}()

// Replaced is closed when the database has a new id, and these names are those of the old one.
func (k *Keys) Replaced() <-chan struct{} { return k.replaced }

// Namespace holds the Keys that are valid now, for all users in this process. The id of the database changes while the process
// runs when the database was restored from a backup or replaced by a promotion: the copy and its original may share a Redis.
//
// A user asks for the Keys once per operation or session and uses these alone until it ends, so that one operation never mixes
// names of two databases. A session that lasts (a subscription, a heartbeat) ends when Keys.Replaced is closed, and the user
// begins another one with the new Keys. What exists under old names is left to expire.
type Namespace struct {
	prefix  string
	current atomic.Pointer[Keys]
}

// NewNamespace returns a namespace whose database is not known yet; call Use before anything else uses its Keys.
func NewNamespace(prefix string) *Namespace {
	n := &Namespace{prefix: prefix}
	n.current.Store(NewKeys(prefix, ""))
	return n
}

// Keys returns the names that are valid now.
func (n *Namespace) Keys() *Keys { return n.current.Load() }

// Use sets the id of the database, and reports whether it has changed. Calls must not overlap.
func (n *Namespace) Use(database string) (changed bool) {
	old, next := n.current.Load(), NewKeys(n.prefix, database)
	if old.base == next.base {
		return false
	}
	n.current.Store(next)
	close(old.replaced)
	return true
}

var goodPrefix = regexp.MustCompile(`^[a-zA-Z0-9_.:-]{1,64}$`)

// CheckPrefix refuses prefixes that would change the meaning of a pattern or of a hash tag.
func CheckPrefix(prefix string) error {
	if !goodPrefix.MatchString(prefix) {
		return errors.New("must be 1 to 64 letters, digits, hyphens, underscores, dots or colons")
	}
	return nil
}
