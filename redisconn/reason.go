package redisconn

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"syscall"

	"github.com/redis/go-redis/v9"
)

// refusal is a kind of error reply by which a server that is well refuses commands.
type refusal struct{ prefix, words string }

var refusals = []refusal{
	{"OOM", "out of memory"},
	{"READONLY", "a read-only replica"},
	{"NOPERM", "permission denied"},
	{"The user executing the script can't run", "permission denied"}, // Redis 7.0, of a command within a script
	{"ACL failure in script", "permission denied"},                   // Redis 7.2
	{"unknown command", "unknown command"},                           // renamed, or too old
	{"NOREPLICAS", "too few replicas"},
	{"MISCONF", "writes are stopped, since saving fails"},
}

// states are other error replies.
var states = []refusal{
	{"NOAUTH", "wrong password"}, {"WRONGPASS", "wrong password"}, {"LOADING", "loading"}, {"CLUSTERDOWN", "the cluster is down"},
}

// isRefusedCommand says that the server answers, and refuses this kind of command until somebody changes something.
func isRefusedCommand(err error) bool { return refused(err, refusals) != "" }

func refused(err error, by []refusal) string {
	i := slices.IndexFunc(by, func(r refusal) bool { return redis.HasErrorPrefix(err, r.prefix) })
	if i < 0 {
		return ""
	}
	return by[i].words
}

// Reason says in few words why a call failed, from a closed list: errors hold addresses and names, which not everybody may read.
func Reason(err error) string {
	words := refused(err, slices.Concat(refusals, states))
	_, reply := errors.AsType[redis.Error](err)
	switch {
	case err == nil:
		return ""
	case words != "":
		return words
	case errors.Is(err, errClusterDown):
		return "the cluster is down"
	case tlsReason(err) != "":
		return tlsReason(err)
	case IsTimeout(err):
		return "no answer in time"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case reply:
		return "an error"
	default:
		return "connection lost"
	}
}

// tlsReason says why a TLS handshake failed, or returns "".
func tlsReason(err error) string {
	_, authority := errors.AsType[x509.UnknownAuthorityError](err)
	_, name := errors.AsType[x509.HostnameError](err)
	_, invalid := errors.AsType[x509.CertificateInvalidError](err)
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	network, isNetwork := errors.AsType[*net.OpError](err)
	switch {
	case authority:
		return "its certificate is not of a trusted authority (REDIS_CA_FILE)"
	case name:
		return "its certificate is for another name"
	case invalid:
		return "its certificate is not valid, or has expired"
	case plain:
		return "it does not speak TLS"
	case isNetwork && network.Op == "remote error": // an alert
		return "it refuses the client certificate, or wants one (REDIS_CERT_FILE)"
	default:
		return ""
	}
}
