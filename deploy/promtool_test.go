package deploy

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"studychat/test/services"
)

// promtool runs Prometheus's own tool, and returns what it says.
func promtool(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path, err := services.FindPromtool()
	if err != nil {
		services.Missing(t, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	return string(out), err
}

// TestAlertsFire: each alert fires on its fault, and is silent on a healthy server. The cases are in alerts_test.yml.
func TestAlertsFire(t *testing.T) {
	t.Parallel()
	if out, err := promtool(t, "test", "rules", "prometheus/alerts_test.yml"); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	cases, err := os.ReadFile("prometheus/alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules(t) {
		fires := strings.Contains(string(cases), "alertname: "+r.Alert+"\n        exp_alerts:")
		silent := strings.Contains(string(cases), "{eval_time: 30m, alertname: "+r.Alert+"}")
		if !fires || !silent {
			t.Errorf("prometheus/alerts_test.yml does not show both: that %s fires, and that it is silent when all is well", r.Alert)
		}
	}
}

// TestPromtoolNoticesMistakes is the negative control: an alert that would never fire.
func TestPromtoolNoticesMistakes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"alerts.yml", "alerts_test.yml"} {
		text, err := os.ReadFile("prometheus/" + name)
		if err == nil {
			broken := strings.Replace(string(text), `{state=~"down|degraded"}[5m]`, `{state="dead"}[5m]`, 1)
			err = os.WriteFile(filepath.Join(dir, name), []byte(broken), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	out, err := promtool(t, "test", "rules", filepath.Join(dir, "alerts_test.yml"))
	if err == nil || !strings.Contains(out, "StudychatWithoutRedis") {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestPanelsParse: Prometheus understands each expression of the dashboard.
func TestPanelsParse(t *testing.T) {
	t.Parallel()
	type record struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	type group struct {
		Name  string   `yaml:"name"`
		Rules []record `yaml:"rules"`
	}
	all := group{Name: "panels"}
	for _, one := range expressions(t) {
		expr := strings.NewReplacer("$__rate_interval", "1m", "$job", "studychat", "$instance", ".+").Replace(one.Expr)
		all.Rules = append(all.Rules, record{"panel:expression", expr})
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {all}})
	path := filepath.Join(t.TempDir(), "panels.yml")
	if err == nil {
		err = os.WriteFile(path, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if out, err := promtool(t, "check", "rules", path); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
