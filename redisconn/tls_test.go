package redisconn

import (
	"os"
	"strings"
	"testing"

	"studychat/test/services"
)

// over returns settings for the address, with a CA and a client certificate unless they are empty.
func over(t *testing.T, addr, ca, cert, key string) Settings {
	t.Helper()
	s, err := ParseURL("rediss://"+addr, "")
	if err == nil && ca != "" {
		err = s.UseCA(ca)
	}
	if err == nil && cert != "" {
		err = s.UseCertificate(cert, key)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func ping(t *testing.T, s Settings) error {
	t.Helper()
	client := s.BusClient()
	defer client.Close()
	return client.Ping(t.Context()).Err()
}

func TestTLS(t *testing.T) {
	t.Parallel()
	server := services.NewRedisTLS(t)
	cert, key := server.Authority.Issue("studychat")
	other := services.NewFileAuthority(t)
	otherCert, otherKey := other.Issue("studychat")
	for _, c := range []struct {
		reason string
		with   Settings
		says   string
	}{
		{"own CA and client certificate", over(t, server.TLSAddr(), server.Authority.File, cert, key), ""},
		{"another CA", over(t, server.TLSAddr(), other.File, cert, key), "its certificate is not of a trusted authority (REDIS_CA_FILE)"},
		{"the CAs of this machine", over(t, server.TLSAddr(), "", cert, key), "its certificate is not of a trusted authority (REDIS_CA_FILE)"},
		{"no client certificate", over(t, server.TLSAddr(), server.Authority.File, "", ""), "it refuses the client certificate, or wants one (REDIS_CERT_FILE)"},
		{"one of another CA", over(t, server.TLSAddr(), server.Authority.File, otherCert, otherKey), "it refuses the client certificate, or wants one (REDIS_CERT_FILE)"},
		{"a server without TLS", over(t, server.Addr(), server.Authority.File, cert, key), "no answer in time"},
	} {
		if err := ping(t, c.with); (err == nil) != (c.says == "") || Reason(err) != c.says {
			t.Errorf("%s: %q, %v", c.reason, Reason(err), err)
		}
	}
}

// TestRenewedClientCertificate: the files are replaced while the client lives; half replaced, the certificate before stays in use.
func TestRenewedClientCertificate(t *testing.T) {
	t.Parallel()
	server := services.NewRedisTLS(t)
	cert, key := services.NewFileAuthority(t).Issue("studychat") // not of the server's
	s := over(t, server.TLSAddr(), server.Authority.File, cert, key)
	if ping(t, s) == nil {
		t.Fatal("the check is blind")
	}
	renewed, renewedKey := server.Authority.Issue("studychat")
	replace(t, renewedKey, key)
	if ping(t, s) == nil {
		t.Error("a key alone is used")
	}
	replace(t, renewed, cert)
	if err := ping(t, s); err != nil {
		t.Errorf("renewed: %v", err)
	}
	replace(t, services.NewFileAuthority(t).File, cert)
	if err := ping(t, s); err != nil {
		t.Errorf("half replaced: %v", err)
	}
}

func replace(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTLSMistakes(t *testing.T) {
	t.Parallel()
	authority := services.NewFileAuthority(t)
	cert, key := authority.Issue("studychat")
	_, otherKey := authority.Issue("studychat")
	plain, _ := ParseURL("redis://cache", "")
	encrypted, _ := ParseURL("rediss://cache", "")
	for _, c := range []struct {
		err  error
		says string
	}{
		{plain.UseCA(authority.File), "rediss://"},
		{plain.UseCertificate(cert, key), "rediss://"},
		{encrypted.UseCA("/nowhere/ca.pem"), "no such file"},
		{encrypted.UseCA(key), "no certificate in PEM"},
		{encrypted.UseCertificate(cert, otherKey), "private key does not match"},
		{encrypted.UseSentinelLogin("u", "p"), "redis+sentinel://"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v, want %q", c.err, c.says)
		}
	}
}

// TestSentinelLogin: the sentinels have a password of their own, and the servers none.
func TestSentinelLogin(t *testing.T) {
	t.Parallel()
	service := services.NewRedisSentinel(t)
	root := admin(t, service.Sentinel().Addr())
	services.Command(t, root, SentinelACLLine())
	services.Command(t, root, "ACL SETUSER default off")
	s, err := ParseURL(service.URL(), "")
	if err != nil {
		t.Fatal(err)
	}
	if ping(t, s) == nil {
		t.Fatal("the check is blind: the sentinel asks for no password")
	}
	if err := s.UseSentinelLogin("studychat", "PASSWORD"); err != nil {
		t.Fatal(err)
	}
	if err := ping(t, s); err != nil {
		t.Errorf("with the sentinels' own login: %v", err)
	}
	services.WantNothingDenied(t, root)
}
