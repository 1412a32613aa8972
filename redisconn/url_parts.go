package redisconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// agree sets *have if it is empty, and reports whether got does not contradict it. An empty got contradicts nothing.
func agree(have *string, got string) bool {
	if *have == "" {
		*have = got
	}
	return got == "" || *have == got
}

// splitURL splits what follows "://". The user part ends at the last @ before the path, so that an @ in
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

func (s *Settings) setHosts(authority, defaultPort string) error {
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
	if net.ParseIP(host) == nil && !hostName.MatchString(host) {
		return "", errors.New("an address must be host:port, or [host]:port for IPv6; the host is missing or not one")
	}
	return net.JoinHostPort(host, strconv.FormatUint(n, 10)), nil
}

// hostName matches names as they occur in DNS and in container networks (which allow _).
var hostName = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,253}$`)

func isSpaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

func (s *Settings) setDB(path string) error {
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

func (s *Settings) setQuery(query string) error {
	protocol, ok := map[string]int{"": 0, "protocol=2": 2, "protocol=3": 3}[query]
	if !ok {
		return errors.New("the only option after ? is protocol=2 or protocol=3")
	}
	s.protocol = protocol
	return nil
}
