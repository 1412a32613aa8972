package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestSignInIsPartOfThePage: the chat page contains the address, escaped, at all its paths, and in no other file; the page has another tag.
func TestSignInIsPartOfThePage(t *testing.T) {
	t.Parallel()
	const address = `https://provider.example/authorize?redirect_uri={redirect}&state={state}&x="><script>`
	const escaped = `content="https://provider.example/authorize?redirect_uri={redirect}&amp;state={state}&amp;x=&#34;&gt;&lt;script&gt;">`
	pages := Pages(Options{SignIn: address})
	for path, want := range map[string]bool{"/": true, "/c/some-chat": true, "/playground": false} {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if got := strings.Contains(w.Body.String(), escaped); got != want || strings.Contains(w.Body.String(), `x="><script>`) {
			t.Errorf("%s has the address: %v, want %v:\n%s", path, got, want, w.Body.String())
		}
		if w.Header().Get("Content-Security-Policy") != contentSecurityPolicy {
			t.Errorf("%s has another Content-Security-Policy", path)
		}
		if same := w.Header().Get("ETag") == get(t, http.MethodGet, path).Header.Get("ETag"); same == want {
			t.Errorf("%s: the tag is that of the page without the address: %v", path, same)
		}
	}
	if page := read(t, get(t, http.MethodGet, "/")); !strings.Contains(page, `<meta name="studychat-sign-in" content="">`) {
		t.Error("without an address the page names one")
	}
}

func TestPageWithoutAPlaceForSignInIsAnError(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("the address was dropped silently")
		}
	}()
	withSignIn(file{body: []byte("<html>")}, "https://provider.example")
}
