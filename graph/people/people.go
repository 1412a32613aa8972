// Package people knows the names of users: those in the database, which it keeps in memory while they are fresh, and those
// that tokens carry, which it stores.
package people

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"studychat/auth"
	"studychat/db"
)

const (
	// namesFresh is how old a name from memory may be, since another instance may have changed it.
	namesFresh = 60 * time.Second

	// knownUsers bounds how many users are remembered. Each takes about 500 bytes.
	knownUsers = 10_000

	// usersAtOnce is how many users one statement reads.
	usersAtOnce = 1000

	// seenTimeout bounds how long an operation waits until its viewer's name is stored.
	seenTimeout = time.Second
)

// People knows the names of users.
type People struct {
	repo db.Repository
	log  *slog.Logger

	names   *lru.Cache[string, *Known]
	forgets atomic.Int64                  // how often a name was written here: names read before that are not remembered
	seen    *lru.Cache[string, db.Claims] // what was last stored of a user's token

	remembering sync.Mutex
}

// Known is a user with the name. It is a db.Fact.
type Known struct {
	User db.User

	at        time.Time   // when it was read
	forgotten atomic.Bool // it is not in memory any more
}

// Holds implements db.Fact: reports whether Users would return the same, without reading.
func (k *Known) Holds(now time.Time) bool { return !k.forgotten.Load() && now.Sub(k.at) <= namesFresh }

// New knows nobody yet.
func New(repo db.Repository, log *slog.Logger) *People {
	names, _ := lru.NewWithEvict(knownUsers, func(_ string, k *Known) { k.forgotten.Store(true) }) // fails for sizes below 1 alone
	seen, _ := lru.New[string, db.Claims](knownUsers)
	return &People{repo: repo, log: log, names: names, seen: seen}
}

// Users returns the users with their names, and reads at once those that are not fresh in memory. The name of a user without
// a row is the id. While the database does not answer, known names are used whatever their age.
func (p *People) Users(ctx context.Context, ids []string) (map[string]*Known, error) {
	found := make(map[string]*Known, len(ids))
	now := time.Now()
	var missing []string
	for _, id := range ids {
		known, ok := p.names.Get(id)
		if ok {
			found[id] = known
		}
		if !ok || !known.Holds(now) {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	at, forgets := time.Now(), p.forgets.Load()
	read, err := p.read(ctx, missing)
	if err != nil {
		return found, err
	}
	for _, id := range missing {
		user := read[id]
		if user == nil {
			user = &db.User{ID: id, Name: id}
		}
		found[id] = p.remember(user, at, forgets)
	}
	return found, nil
}

// read reads users from the database, usersAtOnce per statement: a list of large chats may name tens of thousands.
func (p *People) read(ctx context.Context, ids []string) (map[string]*db.User, error) {
	found := make(map[string]*db.User, len(ids))
	for some := range slices.Chunk(ids, usersAtOnce) {
		users, err := p.repo.Users(ctx, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(found, users)
	}
	return found, nil
}

// remember keeps a name that was read at that time, unless a name was written here since forgets was read.
func (p *People) remember(user *db.User, at time.Time, forgets int64) *Known {
	k := &Known{User: *user, at: at}
	p.remembering.Lock()
	defer p.remembering.Unlock()
	if p.forgets.Load() != forgets {
		k.forgotten.Store(true)
		return k
	}
	p.names.Remove(user.ID) // an Add over it would not tell that the old one is forgotten
	p.names.Add(user.ID, k)
	return k
}

// Forget makes the next call of Users read the user again.
func (p *People) Forget(id string) {
	p.remembering.Lock()
	defer p.remembering.Unlock()
	p.forgets.Add(1)
	p.names.Remove(id)
}

// Saw stores the name in the viewer's token, if it is new. Without it the operation goes on: the next one tries again.
func (p *People) Saw(ctx context.Context, viewer auth.Viewer) {
	claims := db.Claims{Name: viewer.Name, AvatarURL: viewer.AvatarURL, At: viewer.Issued}
	if stored, ok := p.seen.Get(viewer.ID); ok && !claims.At.After(stored.At) {
		return
	}
	limited, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	at, forgets := time.Now(), p.forgets.Load()
	user, err := p.repo.SawUser(limited, viewer.ID, claims)
	if err != nil {
		p.log.DebugContext(ctx, "a user's name could not be stored", "error", err)
		return
	}
	p.seen.Add(viewer.ID, claims)
	p.remember(user, at, forgets)
}
