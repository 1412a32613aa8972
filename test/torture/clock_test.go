package torture

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"go/parser"
	gotoken "go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A server with a wrong clock is built with a modified package time: a copy of the installed one whose wall clock is
// ahead by the value in the file that TORTURE_CLOCK names. The server needs no hook, and every reading of the clock is
// affected, including those of its dependencies. The monotonic clock stays right, as it does on a machine whose clock
// is set.
//
// (Go reads the clock without libc, so preloaded libraries such as libfaketime have no effect. A Linux time namespace
// has no wall clock of its own.)

// skewedBinary builds that server once. The first build takes two minutes, since every package depends on time; later
// ones come from the build cache.
var skewedBinary = sync.OnceValues(func() (string, error) {
	dir, err := buildDirectory()
	if err != nil {
		return "", err
	}
	overlay, err := writeOverlay(dir)
	if err != nil {
		return "", err
	}
	return build(filepath.Join(dir, "studychat-skewed"), "-overlay", overlay)
})

// writeOverlay writes the modified package time and the overlay file for the compiler.
func writeOverlay(dir string) (path string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	skewed, err := skewSource(string(source))
	if err != nil {
		return "", fmt.Errorf("%s: %w", original, err)
	}
	replaced := filepath.Join(dir, "time.go")
	if err := os.WriteFile(replaced, []byte(skewed), 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {original: replaced}})
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// readsClock is the only line of package time that reads the wall clock.
const readsClock = "\tsec, nsec, mono := runtimeNow()\n"

// skewSource skews the wall clock of time.go.
func skewSource(source string) (string, error) {
	const imports = "import (\n"
	if strings.Count(source, readsClock) != 1 || strings.Count(source, imports) != 1 {
		return "", fmt.Errorf("expected exactly one %q and one %q: this Go reads the clock differently", readsClock, imports)
	}
	source = strings.Replace(source, readsClock, readsClock+"\tsec, nsec = skew(sec, nsec)\n", 1)
	return strings.Replace(source, imports, imports+"\t\"syscall\"\n\t\"unsafe\"\n", 1) + skewing, nil
}

const skewing = `
// wrong points to how far the wall clock is ahead, in nanoseconds, in memory shared with the torture tests. It is nil
// without TORTURE_CLOCK.
var wrong = func() *int64 {
	path, ok := syscall.Getenv("TORTURE_CLOCK")
	if !ok {
		return nil
	}
	file, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		panic("TORTURE_CLOCK: " + err.Error())
	}
	shared, err := syscall.Mmap(file, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic("TORTURE_CLOCK: " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&shared[0]))
}()

func skew(sec int64, nsec int32) (int64, int32) {
	if wrong == nil {
		return sec, nsec
	}
	const second = 1_000_000_000
	ahead := *wrong
	sec += ahead / second
	n := int64(nsec) + ahead%second
	if n < 0 {
		sec, n = sec-1, n+second
	}
	if n >= second {
		sec, n = sec+1, n-second
	}
	return sec, int32(n)
}
`

// clock is the file that TORTURE_CLOCK names.
type clock struct {
	path   string
	shared []byte
}

func newClock(t testing.TB) *clock {
	t.Helper()
	path := filepath.Join(t.TempDir(), "clock")
	if err := os.WriteFile(path, make([]byte, 8), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	shared, err := syscall.Mmap(int(file.Fd()), 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Munmap(shared) })
	return &clock{path, shared}
}

// ahead sets the clock of a server. A running server sees a jump.
func (c *clock) ahead(d time.Duration) {
	binary.NativeEndian.PutUint64(c.shared, uint64(d))
}

func TestSkewedSource(t *testing.T) {
	t.Parallel()
	overlay, err := writeOverlay(t.TempDir())
	if err != nil {
		t.Fatalf("%v: clock-skew cannot be run with this Go", err)
	}
	source, err := os.ReadFile(filepath.Join(filepath.Dir(overlay), "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.ParseFile(gotoken.NewFileSet(), "time.go", source, 0); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "import (\n" + readsClock + readsClock, readsClock} {
		if _, err := skewSource(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
