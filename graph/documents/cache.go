package documents

import (
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"studychat/graph/limits"
)

// Bounds of what is kept, which clients fill.
const (
	// MaxText is how many bytes a document may have that is kept; larger ones are parsed each time.
	MaxText = 16 << 10

	// DefaultMaxBytes is some 300 documents of 2 KB.
	DefaultMaxBytes = 32 << 20

	// parsedBytes is about how many bytes of memory one byte of text takes, with the plans; parsedOverhead is what a document may
	// take beside that.
	parsedBytes    = 42
	parsedOverhead = 28 << 10
)

// Cache keeps documents by their text, bounded by the memory that they take.
//
// It has two parts, each of which forgets what was used least recently. A new document is on trial; the second use moves it to
// those in use, from where the oldest goes back on trial. So documents that come once evict only one another, however many a
// client makes up, and those that applications send stay. Both bounds are counted here, because small cache libraries bound
// the number of entries, or evict in the background, so that the bound holds only later.
type Cache struct {
	limits limits.Limits

	mu           sync.Mutex
	trial, inUse part
}

// part is one part of the cache.
type part struct {
	maxBytes, bytes int
	byText          *simplelru.LRU[string, *Document]
}

// NewCache makes a cache of maxBytes at most; zero means DefaultMaxBytes.
func NewCache(l limits.Limits, maxBytes int) *Cache {
	if maxBytes == 0 {
		maxBytes = DefaultMaxBytes
	}
	trial := maxBytes / 4
	return &Cache{limits: l, trial: newPart(trial), inUse: newPart(maxBytes - trial)}
}

func newPart(maxBytes int) part {
	byText, _ := simplelru.NewLRU[string, *Document](maxBytes, nil) // add bounds it; so many entries never fit
	return part{maxBytes: maxBytes, byText: byText}
}

// Open returns the document of a text. Errors say why it may not run.
func (c *Cache) Open(text string) (*Document, gqlerror.List) {
	if document := c.find(text); document != nil {
		return document, nil
	}
	if len(text) > MaxText {
		return parse(c.limits, text)
	}
	// A clone, since the text may be a part of something larger, which would be kept in memory without being counted.
	document, errs := parse(c.limits, strings.Clone(text))
	if len(errs) > 0 {
		return nil, errs
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trial.add(document)
	return document, nil
}

func (c *Cache) find(text string) *Document {
	c.mu.Lock()
	defer c.mu.Unlock()
	if document, ok := c.inUse.byText.Get(text); ok {
		return document
	}
	document, ok := c.trial.byText.Peek(text)
	if !ok {
		return nil
	}
	c.trial.remove(document)
	for _, unused := range c.inUse.add(document) {
		c.trial.add(unused)
	}
	return document
}

// add keeps a document and returns those that it replaces.
func (p *part) add(document *Document) (replaced []*Document) {
	if p.byText.Contains(document.Text) || document.size() > p.maxBytes {
		return nil
	}
	p.byText.Add(document.Text, document)
	p.bytes += document.size()
	for p.bytes > p.maxBytes {
		_, oldest, _ := p.byText.GetOldest()
		p.remove(oldest)
		replaced = append(replaced, oldest)
	}
	return replaced
}

func (p *part) remove(document *Document) {
	p.byText.Remove(document.Text)
	p.bytes -= document.size()
}

func (d *Document) size() int { return parsedBytes*len(d.Text) + parsedOverhead }
