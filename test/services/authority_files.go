package services

import (
	"net"
	"os"
	"path/filepath"
	"testing"
)

// FileAuthority is an Authority for 127.0.0.1 that writes everything to files of the test.
type FileAuthority struct {
	File string // its certificate, in PEM

	t    testing.TB
	with *Authority
}

// NewFileAuthority makes an authority that nobody trusts yet.
func NewFileAuthority(t testing.TB) *FileAuthority {
	t.Helper()
	with, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	a := &FileAuthority{File: filepath.Join(t.TempDir(), "ca.pem"), t: t, with: with}
	a.write(a.File, with.PEM())
	return a
}

// Issue writes a certificate for 127.0.0.1, of a server or a client, and its key to files.
func (a *FileAuthority) Issue(name string) (certFile, keyFile string) {
	a.t.Helper()
	certificate, key, err := a.with.Issue(name, net.IPv4(127, 0, 0, 1))
	if err != nil {
		a.t.Fatal(err)
	}
	dir := a.t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	a.write(certFile, certificate)
	a.write(keyFile, key)
	return certFile, keyFile
}

func (a *FileAuthority) write(file string, content []byte) {
	a.t.Helper()
	if err := os.WriteFile(file, content, 0o600); err != nil {
		a.t.Fatal(err)
	}
}
