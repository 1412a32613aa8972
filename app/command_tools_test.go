package app

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"studychat/test/services"
)

func command(t *testing.T, environ []string, args ...string) (string, error) {
	t.Helper()
	var out strings.Builder
	err := run(t.Context(), args, environ, &out, io.Discard)
	return out.String(), err
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if out, err := command(t, nil, "version"); err != nil || !strings.HasPrefix(out, "studychat ") || !strings.Contains(out, "go1.") {
		t.Errorf("%q, %v", out, err)
	}
}

// TestToken: the server with the same settings takes it, with its name and its scopes, and another server does not.
func TestToken(t *testing.T) {
	t.Parallel()
	settings := []string{"JWT_SECRET=a secret of at least thirty-two bytes", "JWT_ISSUER=here", "JWT_AUDIENCE=studychat"}
	made, err := command(t, settings, "token", "--sub", "ann", "--name", "Ann B.", "--scope", "modules:write admin")
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, append(settings, "DATABASE_URL=sqlite::memory:")...)
	i.token = strings.TrimSpace(made)
	if a := i.ask(`{ viewer { id name } }`, nil); !strings.Contains(a.raw, `"id":"user:ann"`) || !strings.Contains(a.raw, `"name":"Ann B."`) {
		t.Error(a.raw)
	}
	other := start(t, append(settings, "DATABASE_URL=sqlite::memory:", "JWT_AUDIENCE=elsewhere")...)
	other.token = i.token
	if a := other.ask(`{ viewer { id } }`, nil); a.code() != "UNAUTHENTICATED" {
		t.Errorf("another audience: %s", a.raw)
	}
	for _, args := range []string{"token", "token --sub", "token --sub ann --ttl -1s", "token --sub ann more", "token --sub ann --role x"} {
		if _, err := command(t, settings, strings.Fields(args)...); exitCode(err) != 2 {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, err := command(t, nil, "token", "--sub", "ann"); exitCode(err) != 2 {
		t.Errorf("without JWT_SECRET: %v", err)
	}
}

// TestHealthcheck: of a server with TLS, of one without, by its server for operators, while it leaves, and of none.
func TestHealthcheck(t *testing.T) {
	t.Parallel()
	cert, key, _ := services.Certificate(t)
	for name, more := range map[string][]string{"plain": nil, "TLS": {"TLS_CERT=" + cert, "TLS_KEY=" + key}} {
		i := start(t, append(more, "DATABASE_URL=sqlite::memory:")...)
		at := append([]string{"ADDR=" + strings.TrimPrefix(i.url, "http://")}, more...)
		if _, err := command(t, at, "healthcheck"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := i.stop(); err != nil {
			t.Fatal(err)
		}
		if _, err := command(t, at, "healthcheck"); exitCode(err) != 1 {
			t.Errorf("%s, stopped: %v", name, err)
		}
	}
	busy := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0")
	operator := busy.operator()
	at := []string{"ADDR=127.0.0.1:1", "ADMIN_ADDR=" + strings.TrimPrefix(operator.url, "http://")} // nobody listens on ADDR
	if _, err := command(t, at, "healthcheck"); err != nil {
		t.Errorf("by ADMIN_ADDR: %v", err)
	}
	if status, text := operator.do(http.MethodPost, "/drain", ""); status != http.StatusOK {
		t.Fatalf("drain: %d %s", status, text)
	}
	if _, err := command(t, at, "healthcheck"); exitCode(err) != 1 || !strings.Contains(err.Error(), "503") {
		t.Errorf("while it leaves: %v", err)
	}
}
