package postgres

import (
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// encodeHint ends every error that an unescaped character of the password may have caused.
const encodeHint = "; in user and password, write @ as %40, / as %2F, : as %3A and % as %25"

// sslModes are the values of sslmode.
var sslModes = []string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}

// urlSettings are the settings of a PostgreSQL URL that pgx checks. Errors quote these names and no others, because after
// an unescaped character a piece of the password may be where a name is expected.
var urlSettings = []string{
	"host", "port", "connect_timeout", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslpassword", "sslcertmode", "sslnegotiation",
	"service", "servicefile", "target_session_attrs", "channel_binding", "require_auth", "min_protocol_version", "max_protocol_version",
}

// parseURL reads a postgres:// URL. Its errors say which part is wrong and quote no part of the URL: the errors of
// pgx may quote the password.
//
// The parts are those of libpq, which pgx follows: user and password end at the first @ before a slash. A second @ before
// the settings is refused, although libpq would read it as part of the host or of the database's name.
func parseURL(raw string) (*pgx.ConnConfig, error) {
	_, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return nil, errors.New("the database URL must start with postgres:// or postgresql://")
	}
	if err := checkParts(rest); err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, wrongSetting(raw) // not err: it may quote the password
	}
	return config, nil
}

// checkParts checks the part before the question mark.
func checkParts(rest string) error {
	user := ""
	if i := strings.IndexAny(rest, "@/"); i >= 0 && rest[i] == '@' {
		user, rest = rest[:i], rest[i+1:]
	}
	place, _, _ := strings.Cut(rest, "?")
	hosts, database, _ := strings.Cut(place, "/")
	switch {
	case strings.Contains(place, "@"):
		return errors.New("the database URL has a second @, or a / before its @" + encodeHint)
	case !isEscaped(user):
		return errors.New("the user or the password in the database URL has a % that is not followed by two hexadecimal digits" + encodeHint)
	case !isEscaped(database):
		return errors.New("the database's name in the database URL has a % that is not followed by two hexadecimal digits: write % as %25")
	}
	for host := range strings.SplitSeq(hosts, ",") {
		if err := checkHost(host); err != nil {
			return err
		}
	}
	return nil
}

func checkHost(host string) error {
	if strings.HasPrefix(host, "[") {
		end := strings.IndexByte(host, ']')
		if end < 2 || end+1 < len(host) && host[end+1] != ':' {
			return errors.New("the host in the database URL must be [address] for IPv6" + encodeHint)
		}
		host = host[end+1:]
	}
	name, port, ok := strings.Cut(host, ":")
	if !isEscaped(name) {
		return errors.New("the host in the database URL has a % that is not followed by two hexadecimal digits" + encodeHint)
	}
	if n, err := strconv.ParseUint(port, 10, 16); ok && port != "" && (err != nil || n == 0) {
		return errors.New("the port in the database URL must be a number from 1 to 65535" + encodeHint)
	}
	return nil
}

func isEscaped(text string) bool {
	_, err := url.PathUnescape(text)
	return err == nil
}

// wrongSetting returns an error for the setting that makes pgx refuse a URL: the one without which pgx accepts it.
func wrongSetting(raw string) error {
	base, query, _ := strings.Cut(raw, "?")
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		if _, err := pgx.ParseConfig(base + "?" + strings.Join(slices.Delete(slices.Clone(pairs), i, i+1), "&")); err != nil {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok || strings.Contains(value, "=") || !isEscaped(pair):
			return errors.New("a setting after the ? of the database URL is not name=value with = as %3D and % as %25 in the value")
		case name == "sslmode":
			return errors.New("sslmode in the database URL must be one of " + strings.Join(sslModes, ", "))
		case slices.Contains(urlSettings, name):
			return errors.New(name + " in the database URL has a value that cannot be used")
		}
	}
	if _, err := pgx.ParseConfig(base); err != nil {
		return errors.New("the database URL is right, but a PG… variable of the environment, such as PGSSLMODE or PGPORT, has a value that cannot be used")
	}
	return errors.New("more than one setting after the ? of the database URL has a value that cannot be used, such as sslmode")
}
