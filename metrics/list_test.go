package metrics_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/metrics"
)

// page is where operators look metrics up.
const page = "../docs/operations.md"

// row is how the page shows a metric.
func row(m metrics.Metric) string {
	labels := "`" + strings.Join(m.Labels, "`, `") + "`"
	if len(m.Labels) == 0 {
		labels = ""
	}
	return "| `" + m.Name + "` | " + labels + " | " + m.Help + " |\n"
}

// TestPageListsAll: the page's table is the list.
func TestPageListsAll(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var want, have strings.Builder
	for _, m := range metrics.List(metrics.Sources{}) {
		want.WriteString(row(m))
	}
	for _, line := range regexp.MustCompile("(?m)^\\| `(studychat|http|db|go|process)_[^\n]*\n").FindAllString(string(text), -1) {
		have.WriteString(line)
	}
	if have.String() != want.String() {
		t.Errorf("the table of %s must be\n%s", page, want.String())
	}
}

// TestNamesAreGood: what Prometheus's own linter asks for, and that no label may hold what a client chose.
func TestNamesAreGood(t *testing.T) {
	t.Parallel()
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	sources := metrics.Sources{Hub: hub.New(nil, events.NewMemoryBus(), nil, nil), Database: metrics.Database{Store: store}}
	problems, err := testutil.GatherAndLint(metrics.NewRegistry(sources))
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if problem.Metric == "db_client_connection_count" { // OpenTelemetry's name
			continue
		}
		if !strings.HasPrefix(problem.Metric, "go_") && !strings.HasPrefix(problem.Metric, "process_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
	seen := map[string]bool{}
	for _, m := range metrics.List(metrics.Sources{}) {
		if seen[m.Name] || m.Help == "" || !strings.HasSuffix(m.Help, ".") {
			t.Errorf("%s is there twice, or its help %q is not a sentence", m.Name, m.Help)
		}
		seen[m.Name] = true
		for _, label := range m.Labels {
			if regexp.MustCompile("user|chat|address|document|token").MatchString(label) {
				t.Errorf("%s has the label %s", m.Name, label)
			}
		}
	}
}
