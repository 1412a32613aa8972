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

// waitLong bounds every wait for something that should come soon: what takes longer has failed.
const waitLong = 40 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "24"); err != nil { // the tests wait for back-offs; they do not compute
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

// built is the directory for what is made once and used by many tests.
var built string

// binary builds the server once and returns where it is.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "studychat")
	if out, err := exec.Command("go", "build", "-o", path, "../..").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// needNode leaves a test out where there is no Node, and installs the packages of package-lock.json where they are not.
func needNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		services.Missing(t, err)
	}
	if err := install(); err != nil {
		t.Fatal(err)
	}
}

// install runs npm ci, unless a stamp says that node_modules is already what the lock file asks for on this machine.
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
