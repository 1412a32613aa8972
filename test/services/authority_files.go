package services

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// FileAuthority signs certificates for 127.0.0.1, of servers and clients, as files.
type FileAuthority struct {
	File string // its certificate, in PEM

	t           testing.TB
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// NewFileAuthority makes an authority that nobody trusts yet.
func NewFileAuthority(t testing.TB) *FileAuthority {
	t.Helper()
	a := &FileAuthority{t: t, key: newKey(t), certificate: template("an authority of a test")}
	a.certificate.IsCA, a.certificate.BasicConstraintsValid, a.certificate.KeyUsage = true, true, x509.KeyUsageCertSign
	raw := a.sign(a.certificate, &a.key.PublicKey)
	certificate, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	a.certificate, a.File = certificate, filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, a.File, "CERTIFICATE", raw)
	return a
}

// Issue writes a certificate for 127.0.0.1, of a server or a client, and its key to files.
func (a *FileAuthority) Issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	key, dir := newKey(a.t), a.t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	leaf := template(name)
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	writePEM(a.t, certFile, "CERTIFICATE", a.sign(leaf, &key.PublicKey))
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	writePEM(a.t, keyFile, "PRIVATE KEY", raw)
	return certFile, keyFile
}

func (a *FileAuthority) sign(certificate *x509.Certificate, public *ecdsa.PublicKey) []byte {
	a.t.Helper()
	raw, err := x509.CreateCertificate(rand.Reader, certificate, a.certificate, public, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour)}
}

func writePEM(t testing.TB, file, kind string, raw []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw}), 0o600); err != nil {
		t.Fatal(err)
	}
}
