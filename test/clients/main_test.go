package clients

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"studychat/test/services"
)

// waitLong bounds every wait for something that should happen soon: a longer wait has failed.
const waitLong = 40 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil { // the tests wait for back-offs and do not compute
		panic(err)
	}
	var err error
	if built, err = os.MkdirTemp("", "clients-"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(built)
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); status == 0 && err != nil {
		_, _ = io.WriteString(os.Stderr, err.Error()+"\n")
		status = 1
	}
	os.Exit(status)
}

// built is the directory for files that are built once and used by many tests.
var built string

// binary builds the server once and returns its path.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "studychat")
	if out, err := exec.Command("go", "build", "-o", path, "../..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// needNode skips the test if Node is missing, and installs the packages of package-lock.json if they are missing.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		services.Missing(t, err)
	}
	if err := install(); err != nil {
		t.Fatal(err)
	}
}

// install runs npm ci, unless a stamp shows that node_modules already matches the lock file on this machine.
var install = sync.OnceValue(func() error {
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(append(lock, runtime.GOOS+runtime.GOARCH...))
	want := hex.EncodeToString(sum[:])
	stamp := filepath.Join("node_modules", ".installed")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == want {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "npm", "ci", "--no-audit", "--no-fund", "--prefer-offline").CombinedOutput()
	if err != nil {
		return errors.Join(fmt.Errorf("npm ci: %w", err), errors.New(string(out)))
	}
	return os.WriteFile(stamp, []byte(want), 0o600)
})
