package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"studychat/graph/persisted"
)

// certify writes a self-made certificate for 127.0.0.1 and its key.
func certify(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyRaw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: raw}, keyFile: {Type: "PRIVATE KEY", Bytes: keyRaw}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(certificate)
	return certFile, keyFile, pool
}

// TestConfigEdge: what may go wrong with origins, proxies, TLS, documents and limits is told at once, by name, and never
// with a password.
func TestConfigEdge(t *testing.T) {
	t.Parallel()
	cert, key, _ := certify(t)
	_, otherKey, _ := certify(t)
	manifest := "documents/testdata/apollo/persisted-query-manifest.json"
	for _, c := range []struct {
		reason  string
		environ []string
		says    string // "": accepted
	}{
		{"origins", []string{"ALLOWED_ORIGINS=https://app.example,http://localhost:3000"}, ""},
		{"an origin with a path", []string{"ALLOWED_ORIGINS=https://app.example/"}, "ALLOWED_ORIGINS: "},
		{"an origin with the usual port, which never comes", []string{"ALLOWED_ORIGINS=https://app.example:443"}, "leave :443 out"},
		{"the same of http", []string{"ALLOWED_ORIGINS=http://app.example:80"}, "leave :80 out"},
		{"an origin with a password", []string{"ALLOWED_ORIGINS=https://user:SECRET@app.example"}, "no password"},
		{"proxies", []string{"TRUSTED_PROXIES=10.0.0.0/8,192.0.2.1,fd00::/8"}, ""},
		{"a proxy by name", []string{"TRUSTED_PROXIES=proxy.example"}, "TRUSTED_PROXIES: "},
		{"TLS", []string{"TLS_CERT=" + cert, "TLS_KEY=" + key}, ""},
		{"half of TLS", []string{"TLS_CERT=" + cert}, "TLS_CERT and TLS_KEY"},
		{"another's key", []string{"TLS_CERT=" + cert, "TLS_KEY=" + otherKey}, "TLS_CERT, TLS_KEY: "},
		{"a certificate that is not there", []string{"TLS_CERT=nowhere.pem", "TLS_KEY=" + key}, "TLS_CERT, TLS_KEY: "},
		{"introspection", []string{"INTROSPECTION=off"}, ""},
		{"introspection of a third kind", []string{"INTROSPECTION=yes"}, "INTROSPECTION must be"},
		{"documents of a third kind", []string{"TRUSTED_DOCUMENTS=yes"}, "TRUSTED_DOCUMENTS must be"},
		{"no manifest", []string{"TRUSTED_DOCUMENTS=enforce"}, "DOCUMENT_MANIFEST is required"},
		{"a manifest for nothing", []string{"DOCUMENT_MANIFEST=" + manifest}, "TRUSTED_DOCUMENTS is off"},
		{"a manifest that is not there", []string{"TRUSTED_DOCUMENTS=log", "DOCUMENT_MANIFEST=nowhere.json"}, "DOCUMENT_MANIFEST: "},
		{"a manifest that is none", []string{"TRUSTED_DOCUMENTS=log", "DOCUMENT_MANIFEST=go.mod"}, "DOCUMENT_MANIFEST: "},
		{"limits", []string{"CONNECTIONS_PER_USER=0", "MUTATION_RATE=0", "MUTATION_BURST=0"}, ""},
		{"a limit below zero", []string{"CONNECTIONS_PER_ADDRESS=-1"}, "CONNECTIONS_PER_ADDRESS must be"},
		{"a rate without a burst", []string{"MUTATION_BURST=0"}, "MUTATION_BURST must be"},
		{"a rate of an address without a burst", []string{"ADDRESS_MUTATION_BURST=0"}, "ADDRESS_MUTATION_BURST must be"},
		{"a secret that did not arrive", []string{"JWT_SECRET=", "JWT_ISSUER=me", "JWT_AUDIENCE=studychat"}, "neither JWT_SECRET nor JWKS_URL"},
	} {
		_, err := readConfig(c.environ)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if (c.says == "") != (err == nil) || !strings.Contains(text, c.says) || strings.Contains(text, "SECRET@") {
			t.Errorf("%s: %v", c.reason, err)
		}
	}
}

func TestIntrospectionIsForTheLocalUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		environ []string
		shown   bool
	}{
		{nil, true},
		{[]string{"INTROSPECTION=off"}, false},
		{withTokens(), false},
		{append(withTokens(), "INTROSPECTION=on"), true},
	} {
		config, err := readConfig(c.environ)
		if err != nil || config.introspects() != c.shown {
			t.Errorf("%v: %t, %v", c.environ, config.introspects(), err)
		}
	}
}

// TestTLS serves https to both generations of HTTP.
func TestTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certify(t)
	i := start(t, "DATABASE_URL=sqlite::memory:", "TLS_CERT="+cert, "TLS_KEY="+key)
	for _, version := range []int{1, 2} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(version == 1)
		protocols.SetHTTP2(version == 2)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		client := &http.Client{Transport: transport, Timeout: waitLong}
		response, err := client.Get("https" + strings.TrimPrefix(i.url, "http") + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || response.ProtoMajor != version {
			t.Errorf("HTTP/%d: %s %d", version, response.Proto, response.StatusCode)
		}
	}
}

// TestEnforcedDocuments: the program itself with the manifest of a real tool.
func TestEnforcedDocuments(t *testing.T) {
	t.Parallel()
	file := "documents/testdata/apollo/persisted-query-manifest.json"
	i := start(t, "DATABASE_URL=sqlite::memory:", "TRUSTED_DOCUMENTS=enforce", "DOCUMENT_MANIFEST="+file)
	manifest, err := persisted.LoadManifest(file)
	if err != nil {
		t.Fatal(err)
	}
	known := 0
	for id, document := range manifest.All() {
		if a := i.ask(document, nil); a.code() == "FORBIDDEN" {
			t.Errorf("%s is refused: %s", id, a.raw)
		}
		known++
	}
	if a := i.ask(`{ __typename }`, nil); known == 0 || a.code() != "FORBIDDEN" {
		t.Errorf("%d documents are known, and another: %s", known, a.raw)
	}
}

// TestStopBeforeStart: who waits for a database is told to stop, and does, without an error.
func TestStopBeforeStart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), waitLong)
	defer stop()
	logs := newLogLines(t)
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, nil, []string{"ADDR=127.0.0.1:0", "DATABASE_URL=postgres://nobody@127.0.0.1:1/nothing"}, io.Discard, logs)
	}()
	eventually(t, "it waits", func() bool { return strings.Contains(logs.text(), "does not answer yet") })
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
