package postgres

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// Explain replaces the error of a server whose certificate is not accepted by a sentence. Waiting does not help there, so it is not
// UNAVAILABLE. It returns other errors as they are.
func Explain(address string, err error) error {
	refused, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return err
	}
	return fmt.Errorf("the certificate of PostgreSQL at %s is not accepted: check sslrootcert and the host's name in the database URL: %w", address, refused)
}

// Encryption says how a connection is encrypted.
type Encryption struct {
	Protocol string // such as TLS 1.3; "" without TLS
	Verified bool   // whether the server's certificate and name were checked, as sslmode=verify-full does
}

// EncryptionOf is that of a connection of a Connector.
func EncryptionOf(conn any) Encryption {
	limited, ok := conn.(*limitedConn)
	if !ok {
		return Encryption{}
	}
	secured, ok := limited.Conn.Conn().PgConn().Conn().(*tls.Conn)
	if !ok {
		return Encryption{}
	}
	state := secured.ConnectionState()
	return Encryption{Protocol: tls.VersionName(state.Version), Verified: len(state.VerifiedChains) > 0}
}
