package clients

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// genqlient builds the Go example and returns its path.
var genqlient = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "genqlient")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Dir = "genqlient"
	if out, err := cmd.CombinedOutput(); err != nil {
		return path, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

// TestGenqlientIsCurrent generates again and compares.
func TestGenqlientIsCurrent(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir := filepath.Join(root, "test", "clients", "genqlient")
	if err := os.CopyFS(dir, os.DirFS("genqlient")); err != nil {
		t.Fatal(err)
	}
	schema, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "schema.graphqls"), schema, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "generate", "./...")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want, err1 := os.ReadFile(filepath.Join(dir, "generated.go"))
	have, err2 := os.ReadFile(filepath.Join("genqlient", "generated.go"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if string(want) != string(have) {
		t.Error("test/clients/genqlient/generated.go is not what schema.graphqls gives: run `go generate ./...` in test/clients/genqlient")
	}
}
