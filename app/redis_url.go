package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parseRedisURL reads REDIS_URL and REDIS_TOKEN:
//
//	redis://[[user]:password@]host[:port][/db][?protocol=2|3]    rediss:// is the same over TLS
//	a list of those or of host:port, separated by commas         the nodes of a cluster
//	redis+sentinel://[:password@]host:port[,host:port]/master[/db]
//	https://NAME.upstash.io with a token                         rediss://default:TOKEN@NAME.upstash.io:6379
//
// No error repeats any part of the input: with a misplaced character, any part may be the password. This is also why
// net/url does not parse the whole: its errors quote it, and it has no lists of hosts.
func parseRedisURL(raw, token string) (redisSettings, error) {
	scheme, rest, hasScheme := strings.Cut(raw, "://")
	list := strings.Contains(raw, ",")
	switch {
	case scheme == "https" && hasScheme:
		return parseUpstash(rest, token)
	case token != "":
		return redisSettings{}, errors.New("a token belongs to an https:// address alone; elsewhere write the password into the address")
	case scheme == "redis+sentinel" && hasScheme:
		return parseSentinel(rest)
	case list:
		return parseCluster(raw)
	case hasScheme && (scheme == "redis" || scheme == "rediss"):
		return parseServer(scheme, rest)
	default:
		return redisSettings{}, errors.New("must start with redis://, rediss://, redis+sentinel:// or https://, or list host:port of a cluster's nodes, separated by commas")
	}
}

func parseUpstash(rest, token string) (redisSettings, error) {
	host := strings.TrimSuffix(rest, "/")
	name, ok := strings.CutSuffix(host, ".upstash.io")
	if !ok || !isHost(name) {
		return redisSettings{}, errors.New("an https:// address must be https://NAME.upstash.io")
	}
	if token == "" {
		return redisSettings{}, errors.New("an https:// address needs its token")
	}
	return redisSettings{kind: redisSingle, addrs: []string{net.JoinHostPort(host, "6379")}, user: "default", password: token, tls: true}, nil
}

func parseServer(scheme, rest string) (redisSettings, error) {
	auth, path, query, err := splitURL(rest)
	if err != nil {
		return redisSettings{}, err
	}
	s := redisSettings{kind: redisSingle, tls: scheme == "rediss"}
	if err := errors.Join(s.setHosts(auth, "6379"), s.setQuery(query), s.setDB(path)); err != nil {
		return redisSettings{}, err
	}
	return s, nil
}

func parseSentinel(rest string) (redisSettings, error) {
	auth, path, query, err := splitURL(rest)
	if err != nil {
		return redisSettings{}, err
	}
	s := redisSettings{kind: redisSentinel}
	master, db, _ := strings.Cut(path, "/")
	s.master, err = url.PathUnescape(master)
	if err != nil || s.master == "" || strings.ContainsFunc(s.master, isSpaceOrControl) {
		return redisSettings{}, errors.New("the sentinels' addresses must be followed by /MASTER, the name they watch")
	}
	if err := errors.Join(s.setHosts(auth, "26379"), s.setQuery(query), s.setDB(db)); err != nil {
		return redisSettings{}, err
	}
	return s, nil
}

// parseCluster reads a list. Nodes share one user, one password and one choice of TLS, since a client has one of each;
// entries that say nothing of these follow the others.
func parseCluster(raw string) (redisSettings, error) {
	s := redisSettings{kind: redisCluster}
	scheme := ""
	for entry := range strings.SplitSeq(raw, ",") {
		node, nodeScheme, err := parseNode(strings.TrimSpace(entry))
		if err != nil {
			return redisSettings{}, err
		}
		if node.db != 0 {
			return redisSettings{}, errors.New("a cluster has no database but 0")
		}
		if !agree(&scheme, nodeScheme) || !agree(&s.user, node.user) || !agree(&s.password, node.password) {
			return redisSettings{}, errors.New("the nodes of a cluster must share scheme, user and password")
		}
		s.addrs = append(s.addrs, node.addrs...)
		s.protocol = max(s.protocol, node.protocol)
	}
	s.tls = scheme == "rediss"
	slices.Sort(s.addrs)
	s.addrs = slices.Compact(s.addrs)
	return s, nil
}

func parseNode(entry string) (s redisSettings, scheme string, err error) {
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

// agree sets what is still open and says whether the two are the same after that.
func agree(have *string, got string) bool {
	if *have == "" {
		*have = got
	}
	return got == "" || *have == got
}

// splitURL takes what follows "://" apart. The user part ends at the last @ before the path, so that an @ in
// a password need not be escaped.
func splitURL(rest string) (authority, path, query string, err error) {
	if strings.Contains(rest, "#") {
		return "", "", "", errors.New("must not contain #; write it as %23 in a password")
	}
	rest, query, _ = strings.Cut(rest, "?")
	at := strings.LastIndex(rest, "@")
	if slash := strings.Index(rest[at+1:], "/"); slash >= 0 {
		rest, path = rest[:at+1+slash], rest[at+1+slash+1:]
	}
	return rest, path, query, nil
}

func (s *redisSettings) setHosts(authority, defaultPort string) error {
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		user, password, ok := strings.Cut(authority[:at], ":")
		var errUser, errPassword error
		s.user, errUser = url.PathUnescape(user)
		s.password, errPassword = url.PathUnescape(password)
		if errUser != nil || errPassword != nil {
			return errors.New("user and password must write % as %25")
		}
		if !ok || s.password == "" {
			return errors.New("what stands before @ must be user:password or :password")
		}
		authority = authority[at+1:]
	}
	for addr := range strings.SplitSeq(authority, ",") {
		addr, err := hostPort(addr, defaultPort)
		if err != nil {
			return err
		}
		s.addrs = append(s.addrs, addr)
	}
	return nil
}

// hostPort checks host, host:port, [IPv6] or [IPv6]:port and completes the port.
func hostPort(addr, defaultPort string) (string, error) {
	host, port := addr, defaultPort
	if bare, ok := strings.CutSuffix(addr, "]"); ok {
		host = strings.TrimPrefix(bare, "[")
	} else if strings.Contains(addr, ":") {
		var err error
		if host, port, err = net.SplitHostPort(addr); err != nil {
			return "", errors.New("an address must be host:port, or [host]:port for IPv6")
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", errors.New("a port must be 1 to 65535")
	}
	if net.ParseIP(host) == nil && !isHost(host) {
		return "", errors.New("an address must be host:port, or [host]:port for IPv6; the host is missing or not one")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// isHost takes names as they occur in DNS and in container networks (which allow _).
func isHost(name string) bool {
	return name != "" && len(name) <= 253 && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-._", r)
	})
}

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

func (s *redisSettings) setDB(path string) error {
	if path == "" {
		return nil
	}
	db, err := strconv.ParseUint(path, 10, 15)
	if err != nil {
		return fmt.Errorf("the database must be a number from 0 to %d", 1<<15-1)
	}
	s.db = int(db)
	return nil
}

func (s *redisSettings) setQuery(query string) error {
	switch query {
	case "":
	case "protocol=2":
		s.protocol = 2
	case "protocol=3":
		s.protocol = 3
	default:
		return errors.New("the only option after ? is protocol=2 or protocol=3")
	}
	return nil
}
