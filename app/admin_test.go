package app

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// operator is the server for operators of an instance.
type operator struct {
	t   *testing.T
	url string
}

// operator finds the server for operators, which has a port of its own choice.
func (i *instance) operator() operator {
	i.t.Helper()
	select {
	case addr := <-i.logs.admin:
		return operator{i.t, "http://" + addr}
	case <-time.After(waitLong):
		i.t.Fatal("there is no server for operators")
		return operator{}
	}
}

// do sends a request and returns the status and the body.
func (o operator) do(method, path, body string, header ...string) (status int, text string) {
	o.t.Helper()
	request, _ := http.NewRequestWithContext(o.t.Context(), method, o.url+path, strings.NewReader(body))
	for k := 0; k+1 < len(header); k += 2 {
		if request.Header.Set(header[k], header[k+1]); header[k] == "Host" {
			request.Host = header[k+1]
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		o.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return response.StatusCode, string(raw)
}

// scrape is the value of every series: of a histogram, how many observations it has. A key is the name, and what its labels are.
type scrape map[string]float64

func (o operator) scrape() scrape {
	o.t.Helper()
	status, text := o.do(http.MethodGet, "/metrics", "")
	if status != http.StatusOK {
		o.t.Fatalf("metrics: %d %s", status, text)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	all := scrape{}
	for name, family := range families {
		for _, m := range family.GetMetric() {
			key := name
			for _, label := range m.GetLabel() {
				key += "," + label.GetName() + "=" + label.GetValue()
			}
			all[key] = m.GetGauge().GetValue() + m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// sum adds up the series of a metric that have all of the labels ("code=OK").
func (s scrape) sum(name string, labels ...string) (total float64) {
	for key, value := range s {
		if key != name && !strings.HasPrefix(key, name+",") {
			continue
		}
		has := true
		for _, label := range labels {
			has = has && strings.Contains(key+",", ","+label+",")
		}
		if has {
			total += value
		}
	}
	return total
}

// TestAdmin: what operators can do besides reading metrics.
func TestAdmin(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0", "LOG_LEVEL=info")
	o := i.operator()
	for _, path := range []string{"/livez", "/readyz", "/debug/pprof/", "/debug/pprof/goroutine?debug=1", "/metrics"} {
		if status, text := o.do(http.MethodGet, path, ""); status != http.StatusOK || text == "" {
			t.Errorf("%s: %d %.200s", path, status, text)
		}
	}
	if status, text := o.do(http.MethodGet, "/log-level", ""); status != http.StatusOK || text != "{\"level\":\"info\"}\n" {
		t.Errorf("level: %d %s", status, text)
	}
	if status, _ := o.do(http.MethodPut, "/log-level", "loud"); status != http.StatusBadRequest {
		t.Errorf("a level that does not exist: %d", status)
	}
	i.logs.text()
	i.must(`{ __typename }`, nil)
	if strings.Contains(i.logs.text(), `"level":"DEBUG"`) {
		t.Error("debug lines at level info")
	}
	if status, text := o.do(http.MethodPut, "/log-level", "debug\n"); status != http.StatusOK || text != "{\"level\":\"debug\"}\n" {
		t.Errorf("setting the level: %d %s", status, text)
	}
	i.must(`{ __typename }`, nil)
	if !strings.Contains(i.logs.text(), `"level":"DEBUG"`) {
		t.Error("no debug line at level debug")
	}
}

// TestAdminRefuses: a page that somebody has open must neither drain the server nor read from it.
func TestAdminRefuses(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0")
	o := i.operator()
	if status, _ := o.do(http.MethodPost, "/drain", "", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden {
		t.Errorf("another page: %d", status)
	}
	if status, _ := o.do(http.MethodGet, "/metrics", "", "Host", "evil.example"); status != http.StatusForbidden {
		t.Errorf("another name of this machine: %d", status)
	}
	if status, text := o.do(http.MethodGet, "/readyz", ""); status != http.StatusOK {
		t.Errorf("ready: %d %s", status, text)
	}
}

// TestAdminDrains: as at a stop, but requests are still answered, and metrics too.
func TestAdminDrains(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:", "ADMIN_ADDR=127.0.0.1:0")
	o := i.operator()
	chat, _ := i.newChat()
	s := i.follow(chat, "")
	if status, text := o.do(http.MethodPost, "/drain", ""); status != http.StatusOK {
		t.Fatalf("drain: %d %s", status, text)
	}
	if code, _ := s.closeCode(); code != 1012 {
		t.Errorf("the stream ended with %d", code)
	}
	if status, _ := o.do(http.MethodGet, "/readyz", ""); status != http.StatusServiceUnavailable {
		t.Errorf("ready: %d", status)
	}
	i.must(`{ __typename }`, nil)
	if s := o.scrape(); s.sum("studychat_build_info") != 1 {
		t.Errorf("%v", s)
	}
}
