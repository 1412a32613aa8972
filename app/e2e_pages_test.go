package app

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestPages(t *testing.T) {
	t.Parallel()
	i := start(t, "DATABASE_URL=sqlite::memory:")
	for path, want := range map[string]string{
		"/": "<title>studychat</title>", "/c/0190f5fe-7c00-7a00-8000-000000000001": "<title>studychat</title>",
		"/playground": "<title>studychat playground</title>",
	} {
		response, err := http.Get(i.url + path)
		if err != nil {
			t.Fatal(err)
		}
		var page bytes.Buffer
		_, _ = page.ReadFrom(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK || !strings.Contains(page.String(), want) {
			t.Errorf("%s: %d %s", path, response.StatusCode, page.String())
		}
	}
}
