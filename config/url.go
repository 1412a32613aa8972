package config

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// checkWebURL returns which part of an https URL, or an http URL of this machine, is wrong, without quoting it: it may hold a
// password.
func checkWebURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return badURLPart(err)
	case u.Scheme == "":
		return "the scheme is missing"
	case u.Hostname() == "":
		return "the host is missing"
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "the scheme is http, and the host is another machine"
	case u.Scheme != "https" && u.Scheme != "http":
		return "the scheme is neither https nor http"
	}
	return ""
}

// badURLPart returns which part net/url could not read. Its error is not repeated, because it quotes the URL.
func badURLPart(err error) string {
	cause := errors.Unwrap(err).Error()
	switch {
	case strings.Contains(cause, "port"):
		return "the port must be a number; in user and password, write @ as %40, / as %2F, : as %3A and % as %25"
	case strings.Contains(cause, "userinfo"):
		return "user or password has a character that must be percent-encoded, such as @ as %40, / as %2F and % as %25"
	case strings.Contains(cause, "escape"):
		return "a % is not followed by two hexadecimal digits; write % itself as %25"
	case strings.Contains(cause, "control character"):
		return "it contains a control character"
	case strings.Contains(cause, "host"):
		return "the host contains a character that is not allowed in a host"
	}
	return "the scheme is missing, or the host cannot be read"
}

// checkOrigin returns what is wrong with an origin. It must be written as browsers write it, without the default port. Text with
// an @ is not quoted: it may hold a password, even if it cannot be parsed.
func checkOrigin(origin string) string {
	if strings.Contains(origin, "@") {
		return "an origin must not have a user or a password."
	}
	u, err := url.Parse(origin)
	switch {
	case origin == "*":
		return `"*" is not an origin: list each one, such as https://app.example.`
	case err != nil:
		return fmt.Sprintf("%q is not an origin such as https://app.example: %s.", origin, badURLPart(err))
	case u.Scheme == "" || u.Host == "":
		return fmt.Sprintf("%q is not an origin such as https://app.example: the scheme or the host is missing.", origin)
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Sprintf("%q is not an origin such as https://app.example: nothing may follow the host and the port, not even a slash.", origin)
	case u.Scheme+"://"+u.Host != origin:
		return fmt.Sprintf("%q is not an origin such as https://app.example: the scheme must be in lower case, and nothing may follow the host and the port.", origin)
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return fmt.Sprintf("%q never matches: browsers leave :%s out.", origin, u.Port())
	}
	return ""
}

// parseNetwork reads a network, or an address, which is a network of one, and returns what is wrong with the text. Text with an @
// is not quoted: it may be a URL with a password.
func parseNetwork(text string) (network netip.Prefix, mistake string) {
	quoted := strconv.Quote(text)
	if strings.Contains(text, "@") {
		quoted = "an entry"
	}
	ip, bits, ok := strings.Cut(text, "/")
	address, err := netip.ParseAddr(ip)
	switch _, errPort := netip.ParseAddrPort(text); {
	case errPort == nil:
		return network, quoted + " has a port: give the address alone."
	case err != nil:
		return network, quoted + " is not an address or a network such as 10.0.0.0/8; names are not looked up."
	case !ok:
		return netip.PrefixFrom(address, address.BitLen()), ""
	}
	if network, err = netip.ParsePrefix(text); err != nil {
		return network, fmt.Sprintf("%s has %q after the slash: it must be a number from 0 to %d.", quoted, bits, address.BitLen())
	}
	return network, ""
}
