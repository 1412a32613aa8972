package sqlstore_test

import (
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"studychat/db"
	"studychat/db/sqlstore"
	"studychat/test/services"
)

// TestVerifyFull: with sslmode=verify-full a server is used only if its certificate is of the given authority and of the host's name. Any
// other one is refused at once, with the reason: waiting for it would not help.
func TestVerifyFull(t *testing.T) {
	t.Parallel()
	dsn := services.NewSecurePostgres(t).DSN()
	store := openStore(t, dsn, sqlstore.OpenOptions{MaxConns: 2})
	fill(t, store, "owner", 1)
	if found, err := store.Encryption(t.Context()); err != nil || !found.Verified || !strings.HasPrefix(found.Protocol, "TLS 1.") {
		t.Errorf("the connection is %+v, %v", found, err)
	}
	other, err := services.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "other.pem")
	if err := os.WriteFile(file, other.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason, host, mode, authority, says string
	}{
		{"another authority", "localhost", "verify-full", file, "not accepted: check sslrootcert and the host's name in the database URL: tls: failed to verify certificate: x509: certificate signed by unknown authority"},
		{"another name", "127.0.0.1", "verify-full", "", "x509: cannot validate certificate for 127.0.0.1"},
		{"another name that nobody checks", "127.0.0.1", "verify-ca", "", ""},
		{"a server that nobody checks", "127.0.0.1", "require", "none", ""},
		{"no encryption", "localhost", "disable", "none", "no encryption"},
	} {
		u, err := neturl.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		u.Host = c.host + ":" + u.Port()
		query := u.Query()
		query.Set("sslmode", c.mode)
		switch c.authority {
		case "":
		case "none":
			query.Del("sslrootcert")
		default:
			query.Set("sslrootcert", c.authority)
		}
		u.RawQuery = query.Encode()
		opened, err := sqlstore.Open(t.Context(), u.String(), sqlstore.OpenOptions{MaxConns: 2})
		if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says) || db.CodeOf(err) == db.CodeUnavailable) || c.says == "" && err != nil {
			t.Errorf("%s: %v, want %q", c.reason, err, c.says)
		}
		if err != nil {
			continue
		}
		if found, err := opened.Encryption(t.Context()); err != nil || found.Verified || found.Protocol == "" {
			t.Errorf("%s: %+v, %v", c.reason, found, err)
		}
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	}
}
