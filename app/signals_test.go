package app

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"studychat/test/services"
)

// signalled is the program as a process of its own, whose log the test reads.
type signalled struct {
	*exec.Cmd
	t     *testing.T
	lines *bufio.Scanner
}

func startSignalled(t *testing.T, settings ...string) *signalled {
	t.Helper()
	program := exec.CommandContext(t.Context(), os.Args[0])
	program.Env = append([]string{asProgram + "=1", "ADDR=127.0.0.1:0", "DATABASE_URL=sqlite::memory:"}, settings...)
	stderr, err := program.StderrPipe()
	if err == nil {
		err = program.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	s := &signalled{Cmd: program, t: t, lines: bufio.NewScanner(stderr)}
	t.Cleanup(func() { _ = program.Process.Kill() })
	return s
}

// sees waits for a line of the log.
func (s *signalled) sees(message string) (line map[string]any) {
	s.t.Helper()
	for s.lines.Scan() {
		if json.Unmarshal(s.lines.Bytes(), &line) == nil && line["msg"] == message {
			return line
		}
	}
	s.t.Fatalf("the program has ended without saying %q", message)
	return nil
}

func (s *signalled) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// served is the certificate that a server shows.
func served(t *testing.T, addr string) *x509.Certificate {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// renew replaces the files of a certificate by those of another.
func renew(t *testing.T, cert, key string) {
	t.Helper()
	nextCert, nextKey, _ := services.Certificate(t)
	for from, to := range map[string]string{nextCert: cert, nextKey: key} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHangupReadsTheCertificateAgain: and ends nothing, with TLS and without.
func TestHangupReadsTheCertificateAgain(t *testing.T) {
	t.Parallel()
	cert, key, _ := services.Certificate(t)
	program := startSignalled(t, "TLS_CERT="+cert, "TLS_KEY="+key)
	addr := program.sees("listening")["addr"].(string)
	before := served(t, addr)
	renew(t, cert, key)
	if !served(t, addr).Equal(before) {
		t.Error("the certificate has changed before anybody looked")
	}
	program.signal(syscall.SIGHUP)
	program.sees("the TLS certificate was read again")
	if served(t, addr).Equal(before) {
		t.Error("the certificate is still the one before")
	}
	program.signal(syscall.SIGTERM)
	program.sees("stopped")
	if err := program.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}

	plain := startSignalled(t)
	plain.sees("listening")
	plain.signal(syscall.SIGHUP)
	plain.signal(syscall.SIGTERM)
	plain.sees("stopped")
	if err := plain.Wait(); err != nil {
		t.Errorf("without TLS it ended with %v", err)
	}
}

// TestSecondSignalEndsAtOnce: the first one has begun an orderly stop, which takes a minute here.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	t.Parallel()
	program := startSignalled(t, "SHUTDOWN_DELAY=1m")
	program.sees("listening")
	program.signal(syscall.SIGTERM)
	program.sees("stopping")
	program.signal(syscall.SIGTERM)
	var exit *exec.ExitError
	if err := program.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
		t.Errorf("it ended with %v, want the signal", err)
	}
}

// TestCertificateFollowsItsFiles: they are looked at every 10 s, while handshakes come. What cannot be read changes nothing.
func TestCertificateFollowsItsFiles(t *testing.T) {
	t.Parallel()
	cert, key, _ := services.Certificate(t)
	synctest.Test(t, func(t *testing.T) {
		first, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		c := newCertificate(cert, key, &first, slog.New(slog.DiscardHandler))
		shown := func() *tls.Certificate {
			got, err := c.get(nil)
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		renew(t, cert, key)
		if shown() != &first {
			t.Error("the files were looked at too early")
		}
		<-time.After(lookEvery)
		second := shown()
		if second == &first {
			t.Error("the renewed certificate is not shown")
		}
		if err := os.WriteFile(filepath.Clean(key), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		<-time.After(lookEvery)
		if shown() != second {
			t.Error("an unreadable key has taken the certificate away")
		}
		renew(t, cert, key)
		c.reload()
		if shown() == second {
			t.Error("reload does not read")
		}
	})
}
