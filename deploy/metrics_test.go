package deploy

import (
	"regexp"
	"strings"
	"testing"

	"studychat/db/sqlstore"
	"studychat/events"
	"studychat/events/hub"
	"studychat/metrics"
)

// isHistogram goes by the names, which a test of package metrics holds to Prometheus's habits.
var isHistogram = regexp.MustCompile(`(_duration_seconds|_delivery_seconds|_wait_seconds|_size)$`)

// exported is all series of a server, Go's own included.
func exported(t *testing.T) known {
	t.Helper()
	store, err := sqlstore.Open(t.Context(), "sqlite::memory:", sqlstore.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	sources := metrics.Sources{Hub: hub.New(nil, events.NewMemoryBus(), nil, nil), Database: metrics.Database{Store: store}}
	all := known{"up": nil} // by Prometheus itself
	for _, m := range metrics.List(sources) {
		if !isHistogram.MatchString(m.Name) {
			all[m.Name] = m.Labels
			continue
		}
		all[m.Name+"_count"], all[m.Name+"_sum"] = m.Labels, m.Labels
		all[m.Name+"_bucket"] = append([]string{"le"}, m.Labels...)
	}
	families, err := metrics.NewRegistry(sources).Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		name := family.GetName()
		if !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			continue
		}
		all[name] = []string{"quantile"} // of summaries; the others have no labels that anybody asks for
	}
	return all
}

// legendLabel is a label in the legend of a panel, or in the text of an alert.
var legendLabel = regexp.MustCompile(`{{ ?(?:\$labels\.)?([a-z_]+) ?}}`)

func labelsOf(legend string) (all []string) {
	for _, m := range legendLabel.FindAllStringSubmatch(legend, -1) {
		all = append(all, m[1])
	}
	return all
}

// expressions are all that the dashboard and the alerts ask Prometheus for, each with its legend, by where it is.
func expressions(t *testing.T) map[string]target {
	t.Helper()
	all := map[string]target{}
	d := readDashboard(t)
	for _, p := range d.Panels {
		for _, one := range p.Targets {
			all["the panel \""+p.Title+"\", "+one.Expr] = one
		}
	}
	for _, one := range d.Annotations.List {
		all["the annotation "+one.Name] = target{one.Expr, one.TitleFormat}
	}
	for _, r := range rules(t) {
		all["the alert "+r.Alert] = target{r.Expr, r.Annotations["summary"]}
	}
	return all
}

// TestExpressionsNameWhatExists: a metric that was renamed would leave an empty panel, and an alert that never fires.
func TestExpressionsNameWhatExists(t *testing.T) {
	t.Parallel()
	have, words := exported(t), words(t)
	for where, one := range expressions(t) {
		for _, fault := range have.faults(one.Expr, labelsOf(one.LegendFormat), words) {
			t.Errorf("%s: %s", where, fault)
		}
	}
	for _, variable := range readDashboard(t).Templating.List {
		if variable.Type != "query" {
			continue
		}
		inner := strings.TrimSuffix(strings.TrimPrefix(variable.Definition, "label_values("), ")")
		metric, label, _ := strings.Cut(inner, ", ")
		for _, fault := range have.faults(metric, []string{label}, words) {
			t.Errorf("the variable %s: %s", variable.Name, fault)
		}
	}
}

// TestDashboardShowsEachMetric: a metric that nobody sees is of no use at night.
func TestDashboardShowsEachMetric(t *testing.T) {
	t.Parallel()
	shown := ""
	for _, one := range expressions(t) {
		shown += one.Expr + "\n"
	}
	for _, m := range metrics.List(metrics.Sources{}) {
		if !strings.Contains(shown, m.Name) {
			t.Errorf("no panel and no alert asks for %s: add it to a panel of deploy/grafana/studychat.json", m.Name)
		}
	}
}

// TestUnknownNamesAreNoticed is the negative control.
func TestUnknownNamesAreNoticed(t *testing.T) {
	t.Parallel()
	have := known{"a_total": {"kind"}, "b_seconds_bucket": {"le", "path"}}
	words := map[string]bool{"chat": true}
	for _, good := range []string{
		`sum by (kind) (rate(a_total{job="x",instance=~"$instance",kind="chat"}[5m]))`,
		`histogram_quantile(0.99, sum by (le, path) (rate(b_seconds_bucket[$__rate_interval]))) > 1.5 and on (instance) a_total`,
	} {
		if faults := have.faults(good, nil, words); len(faults) > 0 {
			t.Errorf("%s: %v", good, faults)
		}
	}
	for reason, bad := range map[string]string{
		"a metric":                      `rate(c_total[5m])`,
		"a histogram without its parts": `b_seconds`,
		"a metric behind an operator":   `a_total / c_total`,
		"a label in braces":             `a_total{path="chat"}`,
		"a label of a group":            `sum by (path) (a_total)`,
		"a value":                       `a_total{kind="cat"}`,
		"a value among others":          `a_total{kind=~"chat|cat"}`,
		"a function":                    `rat(a_total[5m])`,
		"nothing":                       `1`,
	} {
		if len(have.faults(bad, nil, words)) != 1 {
			t.Errorf("%s passes, or is reported twice: %s: %v", reason, bad, have.faults(bad, nil, words))
		}
	}
	if len(have.faults(`sum(a_total)`, labelsOf("{{path}} of {{kind}}"), words)) != 1 {
		t.Error("a label of a legend passes")
	}
}
