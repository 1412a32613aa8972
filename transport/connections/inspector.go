package connections

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Bounds of what one look shows.
const (
	defaultShown = 50
	maxShown     = 200
)

// Inspector shows the connections of this instance.
type Inspector struct {
	Open    func() []Entry // the open ones, in any order
	Endings *Endings

	mu sync.Mutex // one look at a time: each lists all connections
}

// Query chooses connections. Empty texts choose all.
type Query struct {
	Transport string
	User      string
	Before    uint64 // only connections with a lower number: the next page; 0 for the first
	Limit     int    // at most maxShown; 0: defaultShown
}

// Snapshot is one look.
type Snapshot struct {
	At       string  `json:"at"`
	Total    int     `json:"total"`    // open on this instance
	Matching int     `json:"matching"` // of these, chosen by transport and user
	Open     []Shown `json:"open"`     // of these, the newest, at most the limit
	Ended    []Shown `json:"ended"`    // chosen likewise, the last to end first
}

// matches compares with a user id as it is shown.
func (q Query) matches(transport, user string) bool {
	return (q.Transport == "" || q.Transport == transport) && (q.User == "" || bounded(q.User) == user)
}

func (q Query) matchesOpen(e Entry) bool {
	return q.Transport == "" && q.User == "" || q.matches(e.Transport(), bounded(e.User()))
}

// Look takes a snapshot. Connections that are not shown are asked for their transport and user at most.
func (i *Inspector) Look(q Query) Snapshot {
	i.mu.Lock()
	defer i.mu.Unlock()
	now, all := time.Now(), i.Open()
	s := Snapshot{At: stamp(now), Total: len(all), Open: []Shown{}, Ended: i.Endings.newest(q.matches)}
	all = slices.DeleteFunc(all, func(e Entry) bool { return !q.matchesOpen(e) })
	s.Matching = len(all)
	slices.SortFunc(all, func(a, b Entry) int { return cmp.Compare(b.Number, a.Number) })
	for _, e := range all {
		if q.Before != 0 && e.Number >= q.Before {
			continue
		}
		if len(s.Open) == q.limit() {
			break
		}
		s.Open = append(s.Open, e.show(now))
	}
	return s
}

func (q Query) limit() int {
	if q.Limit <= 0 {
		return defaultShown
	}
	return min(q.Limit, maxShown)
}

// ServeHTTP answers with a snapshot as JSON, by the parameters transport, user, before and limit. Whether the caller may see it
// is decided before.
func (i *Inspector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	limit, _ := strconv.Atoi(params.Get("limit")) // what is not a number counts as absent
	before, _ := strconv.ParseUint(params.Get("before"), 10, 64)
	var body bytes.Buffer
	_ = json.NewEncoder(&body).Encode(i.Look(Query{params.Get("transport"), params.Get("user"), before, limit})) // plain structs
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body.Bytes())
}
