package graph

import (
	"context"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"studychat/auth"
	"studychat/db"
)

const (
	// namesFresh is how old a name from memory may be: another instance may have written another one.
	namesFresh = 60 * time.Second

	// knownUsers bounds how many users are remembered. Each takes about 500 bytes.
	knownUsers = 10_000

	// seenTimeout bounds what an operation waits for its viewer's name to be stored.
	seenTimeout = time.Second
)

// people knows the names of users: those of the database, from memory while they are fresh. It also stores what tokens say
// of their users.
type people struct {
	repo db.UserRepository
	log  *slog.Logger

	names *lru.Cache[string, knownName]
	seen  *lru.Cache[string, db.Claims] // what was last stored of a user's token
}

type knownName struct {
	user *db.User
	at   time.Time // when it was read
}

func newPeople(repo db.UserRepository, log *slog.Logger) *people {
	names, _ := lru.New[string, knownName](knownUsers) // fails for sizes below 1 alone
	seen, _ := lru.New[string, db.Claims](knownUsers)
	return &people{repo: repo, log: log, names: names, seen: seen}
}

// users returns the users with their names, reading those that are not fresh in memory at once. A user without a row has the
// id as name. While the database does not answer, names that are known are shown whatever their age.
func (p *people) users(ctx context.Context, ids []string) (map[string]*db.User, error) {
	found := make(map[string]*db.User, len(ids))
	var missing []string
	for _, id := range ids {
		known, ok := p.names.Get(id)
		if ok {
			found[id] = known.user
		}
		if !ok || time.Since(known.at) > namesFresh {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return found, nil
	}
	at := time.Now()
	read, err := p.repo.Users(ctx, missing)
	if err != nil {
		return found, err
	}
	for _, id := range missing {
		user := read[id]
		if user == nil {
			user = &db.User{ID: id, Name: id}
		}
		found[id] = user
		p.names.Add(id, knownName{user, at})
	}
	return found, nil
}

// forget makes the next reader read the user anew.
func (p *people) forget(id string) { p.names.Remove(id) }

// saw stores what the viewer's token says, when it says something new. A failure costs the viewer nothing but the name, and
// the next operation tries again.
func (p *people) saw(ctx context.Context, viewer auth.Viewer) {
	claims := db.Claims{Name: viewer.Name, AvatarURL: viewer.AvatarURL, At: viewer.Issued}
	if stored, ok := p.seen.Get(viewer.ID); ok && (stored.Says(claims) || claims.At.Before(stored.At)) {
		return
	}
	limited, cancel := context.WithTimeout(ctx, seenTimeout)
	defer cancel()
	user, err := p.repo.SawUser(limited, viewer.ID, claims)
	if err != nil {
		p.log.DebugContext(ctx, "a user's name could not be stored", "error", err)
		return
	}
	p.seen.Add(viewer.ID, claims)
	p.names.Add(viewer.ID, knownName{user, time.Now()})
}
