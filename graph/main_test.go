package graph_test

import (
	"flag"
	"net/http"
	"os"
	"testing"

	"github.com/gkampitakis/go-snaps/snaps"
	"go.uber.org/goleak"
)

// TestMain fails for snapshots that no test asks for any more, for fields that no snapshot shows, and for goroutines that outlive their test.
func TestMain(m *testing.M) {
	status := m.Run()
	if dirty, _ := snaps.Clean(m); dirty && os.Getenv("CI") != "" {
		status = 1
	}
	if err := notShown(); status == 0 && err != nil && flag.Lookup("test.run").Value.String() == "" {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		status = 1
	}
	http.DefaultClient.CloseIdleConnections()
	if err := goleak.Find(); status == 0 && err != nil {
		_, _ = os.Stderr.WriteString(err.Error() + "\n")
		status = 1
	}
	os.Exit(status)
}
