package redisconn

import (
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
)

// ParseURL reads REDIS_URL and REDIS_TOKEN:
//
//	redis://[[user]:password@]host[:port][/db][?protocol=2|3]    rediss:// is the same over TLS
//	a list of those or of host:port, separated by commas         the nodes of a cluster
//	redis+sentinel://[user:password@]host:port[,host:port]/master[/db]     rediss+sentinel:// is the same over TLS
//	https://NAME.upstash.io with a token                         rediss://default:TOKEN@NAME.upstash.io:6379
//
// No error repeats any part of the input: with a misplaced character, any part may be the password. This is also why
// net/url does not parse the whole: its errors quote it, and it has no lists of hosts.
func ParseURL(raw, token string) (Settings, error) {
	scheme, rest, hasScheme := strings.Cut(raw, "://")
	list := strings.Contains(raw, ",")
	switch {
	case scheme == "https" && hasScheme:
		return parseUpstash(rest, token)
	case token != "":
		return Settings{}, errors.New("a token belongs to an https:// address alone; elsewhere write the password into the address")
	case (scheme == "redis+sentinel" || scheme == "rediss+sentinel") && hasScheme:
		return parseSentinel(scheme, rest)
	case list:
		return parseCluster(raw)
	case hasScheme && (scheme == "redis" || scheme == "rediss"):
		return parseServer(scheme, rest)
	default:
		return Settings{}, errors.New("must start with redis://, rediss://, redis+sentinel:// or https://, or list host:port of a cluster's nodes, separated by commas")
	}
}

func parseUpstash(rest, token string) (Settings, error) {
	host := strings.TrimSuffix(rest, "/")
	name, ok := strings.CutSuffix(host, ".upstash.io")
	if !ok || !hostName.MatchString(name) {
		return Settings{}, errors.New("an https:// address must be https://NAME.upstash.io")
	}
	if token == "" {
		return Settings{}, errors.New("an https:// address needs its token")
	}
	return Settings{kind: single, addrs: []string{net.JoinHostPort(host, "6379")}, user: "default", password: token, tls: true}, nil
}

func parseServer(scheme, rest string) (Settings, error) {
	auth, path, query, err := splitURL(rest)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{kind: single, tls: scheme == "rediss"}
	if err := errors.Join(s.setHosts(auth, "6379"), s.setQuery(query), s.setDB(path)); err != nil {
		return Settings{}, err
	}
	return s, nil
}

func parseSentinel(scheme, rest string) (Settings, error) {
	auth, path, query, err := splitURL(rest)
	if err != nil {
		return Settings{}, err
	}
	s := Settings{kind: sentinel, tls: scheme == "rediss+sentinel"}
	master, db, _ := strings.Cut(path, "/")
	s.master, err = url.PathUnescape(master)
	if err != nil || s.master == "" || strings.ContainsFunc(s.master, isSpaceOrControl) {
		return Settings{}, errors.New("the sentinels' addresses must be followed by /MASTER, the name they watch")
	}
	if err := errors.Join(s.setHosts(auth, "26379"), s.setQuery(query), s.setDB(db)); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// parseCluster reads a list. Nodes share one user, one password and one choice of TLS, since a client has one of each;
// entries that leave them out follow the others.
func parseCluster(raw string) (Settings, error) {
	s := Settings{kind: cluster}
	scheme := ""
	for entry := range strings.SplitSeq(raw, ",") {
		node, nodeScheme, err := parseNode(strings.TrimSpace(entry))
		if err != nil {
			return Settings{}, err
		}
		if node.db != 0 {
			return Settings{}, errors.New("a cluster has no database but 0")
		}
		if !agree(&scheme, nodeScheme) || !agree(&s.user, node.user) || !agree(&s.password, node.password) {
			return Settings{}, errors.New("the nodes of a cluster must share scheme, user and password")
		}
		s.addrs = append(s.addrs, node.addrs...)
		s.protocol = max(s.protocol, node.protocol)
	}
	s.tls = scheme == "rediss"
	slices.Sort(s.addrs)
	s.addrs = slices.Compact(s.addrs)
	return s, nil
}

func parseNode(entry string) (s Settings, scheme string, err error) {
	scheme, rest, ok := strings.Cut(entry, "://")
	switch {
	case ok && (scheme == "redis" || scheme == "rediss"):
		s, err = parseServer(scheme, rest)
		return s, scheme, err
	case ok || strings.ContainsAny(entry, "@/?#"):
		return s, "", errors.New("each node of a cluster must be host:port or a redis:// or rediss:// address; write a comma in a password as %2C")
	default:
		return s, "", s.setHosts(entry, "6379")
	}
}
