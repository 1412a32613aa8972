package postgres

import "crypto/tls"

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
