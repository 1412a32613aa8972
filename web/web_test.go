package web

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
)

func get(t *testing.T, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	Pages(Options{Schema: true}).ServeHTTP(w, r)
	return w.Result()
}

func read(t *testing.T, res *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// loads finds what a page makes a browser fetch: attributes of HTML and url() of CSS.
var loads = regexp.MustCompile(`(?:\b(?:src|href|srcset|action|poster)\s*=\s*|url\(\s*|@import\s*)["']?([^"'\s>)]+)`)

func references(text string) []string {
	var found []string
	for _, match := range loads.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestReferencesSeesEveryKindOfLoad(t *testing.T) {
	t.Parallel()
	text := `<script src="/a.js"></script><link href='//b.example/b.css'><img src=c.png> @import "d.css"; url( "e.png" ) url(data:image/png;base64,AA)`
	got := strings.Join(references(text), " ")
	want := "/a.js //b.example/b.css c.png d.css e.png data:image/png;base64,AA"
	if got != want {
		t.Errorf("references = %s, want %s", got, want)
	}
}

// pages are the addresses of pages, with what begins the paths of their assets and their titles.
var pages = map[string][2]string{
	"/":                     {"/assets/", "studychat"},
	"/c/some-chat":          {"/assets/", "studychat"},
	"/c/some-chat/m/0/more": {"/assets/", "studychat"},
	"/playground":           {"/playground/assets/", "studychat playground"},
	"/debug/connections":    {"/debug/connections/assets/", "studychat connections"},
}

func TestPagesAndTheirFiles(t *testing.T) {
	t.Parallel()
	for path, c := range pages {
		assets, title := c[0], c[1]
		res := get(t, http.MethodGet, path)
		page := read(t, res)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
			t.Fatalf("%s: %d %s", path, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if !strings.Contains(page, "<title>"+title+"</title>") {
			t.Errorf("%s has another title", path)
		}
		served := map[string]string{} // content type -> an asset that has it
		for _, ref := range references(page) {
			if !strings.HasPrefix(ref, assets) {
				t.Errorf("%s loads %s, which is not one of its assets", path, ref)
				continue
			}
			asset := get(t, http.MethodGet, ref)
			if asset.StatusCode != http.StatusOK || len(read(t, asset)) == 0 {
				t.Errorf("%s: %d, or empty", ref, asset.StatusCode)
			}
			served[asset.Header.Get("Content-Type")] = ref
		}
		for _, want := range []string{"text/javascript; charset=utf-8", "text/css; charset=utf-8", "image/svg+xml"} {
			if served[want] == "" {
				t.Errorf("%s references no %s; it has %v", path, want, served)
			}
		}
	}
}

// TestFirstLoadIsSmall: what a browser loads to show the chat page, compressed as it is sent. Formulas and the colours of code are loaded
// when a message needs them.
func TestFirstLoadIsSmall(t *testing.T) {
	t.Parallel()
	const most = 150 << 10
	size := func(target string) int {
		return len(read(t, get(t, http.MethodGet, target, "Accept-Encoding", "gzip")))
	}
	total := size("/")
	for _, ref := range references(read(t, get(t, http.MethodGet, "/"))) {
		total += size(ref)
	}
	if total > most || total < 50<<10 {
		t.Errorf("the first load takes %d bytes; at most %d, and surely 50 KiB", total, most)
	}
}

// TestSchemaIsServedUnlessHidden: the documentation of the page needs no introspection. The built copy must be the schema
// itself; without Node, this is the only check of that.
func TestSchemaIsServedUnlessHidden(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	res := get(t, http.MethodGet, schemaPath)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("the schema: %d %s", res.StatusCode, res.Header.Get("Content-Type"))
	}
	if read(t, res) != string(want) {
		t.Error("dist has another schema than schema.graphqls: run `make web`")
	}
	w := httptest.NewRecorder()
	Pages(Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, schemaPath, nil))
	if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "type Query") {
		t.Errorf("a hidden schema: %d", w.Code)
	}
}

// TestPageHasNothingInline keeps the page within its Content-Security-Policy, which forbids inline scripts and styles.
func TestPageHasNothingInline(t *testing.T) {
	t.Parallel()
	inline := regexp.MustCompile(`(?i)<script[^>]*>[^<]|<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:`)
	for path := range pages {
		if found := inline.FindString(read(t, get(t, http.MethodGet, path))); found != "" {
			t.Errorf("%s has inline code or style: %q", path, found)
		}
	}
	for _, control := range []string{`<script>1</script>`, `<p style="a">`, `<p onclick="a">`} {
		if !inline.MatchString(control) {
			t.Errorf("the check is blind to %s", control)
		}
	}
}

// TestStyleSheetsLoadLittle: pictures within them, and the fonts of formulas.
func TestStyleSheetsLoadLittle(t *testing.T) {
	t.Parallel()
	sheets := 0
	for name, f := range load() {
		if !strings.HasSuffix(name, ".css") {
			continue
		}
		sheets++
		for _, ref := range references(string(f.body)) {
			if !strings.HasPrefix(ref, "data:image/") && !regexp.MustCompile(`^/assets/KaTeX_[A-Za-z0-9]+-[A-Za-z0-9]+-[A-Za-z0-9_-]{8}\.woff2$`).MatchString(ref) {
				t.Errorf("%s loads %.80s", name, ref)
			}
		}
	}
	if sheets == 0 {
		t.Error("no style sheet was checked")
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"/", "/licenses.md", "/playground", "/playground/licenses.md", "/playground/none"} {
		h := get(t, http.MethodGet, target).Header
		for name, want := range map[string]string{
			"Content-Security-Policy":    contentSecurityPolicy,
			"X-Content-Type-Options":     "nosniff",
			"Referrer-Policy":            "no-referrer",
			"Cross-Origin-Opener-Policy": "same-origin",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s = %q, want %q", target, name, got, want)
			}
		}
	}
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self';", "frame-ancestors 'none'"} {
		if !strings.Contains(contentSecurityPolicy, want) {
			t.Errorf("the policy lacks %s", want)
		}
	}
	for _, never := range []string{"unsafe-", "*", "http:", "https:"} {
		if strings.Contains(contentSecurityPolicy, never) {
			t.Errorf("the policy allows %s", never)
		}
	}
}

func TestCaching(t *testing.T) {
	t.Parallel()
	hashed := regexp.MustCompile(`^(/playground|/debug/connections)?/assets/[A-Za-z0-9_-]+-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`)
	for name := range load() {
		res := get(t, http.MethodGet, name)
		want := "no-cache"
		if strings.Contains(name, "/assets/") {
			want = "public, max-age=31536000, immutable"
			if !hashed.MatchString(name) {
				t.Errorf("%s is cached for ever but its name carries no hash", name)
			}
		}
		if got := res.Header.Get("Cache-Control"); got != want {
			t.Errorf("%s: Cache-Control = %q, want %q", name, got, want)
		}
		again := get(t, http.MethodGet, name, "If-None-Match", res.Header.Get("ETag"))
		if again.StatusCode != http.StatusNotModified || read(t, again) != "" {
			t.Errorf("%s: %d when asked with its own ETag, want 304", name, again.StatusCode)
		}
		changed := get(t, http.MethodGet, name, "If-None-Match", `"older"`)
		if changed.StatusCode != http.StatusOK {
			t.Errorf("%s: %d when asked with another ETag, want 200", name, changed.StatusCode)
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	plain := get(t, http.MethodGet, "/playground")
	packed := get(t, http.MethodGet, "/playground", "Accept-Encoding", "br, gzip;q=0.8")
	if plain.Header.Get("Content-Encoding") != "" || packed.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding: %q unasked, %q asked", plain.Header.Get("Content-Encoding"), packed.Header.Get("Content-Encoding"))
	}
	if plain.Header.Get("ETag") == packed.Header.Get("ETag") {
		t.Error("both encodings have one ETag, so a cache may mix them up")
	}
	for _, res := range []*http.Response{plain, packed} {
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Vary = %q", res.Header.Get("Vary"))
		}
	}
	unpacked, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(unpacked)
	if err != nil || string(body) != read(t, plain) {
		t.Errorf("the compressed page is another one (%v)", err)
	}
	ranged := get(t, http.MethodGet, "/playground", "Accept-Encoding", "gzip", "Range", "bytes=0-14")
	if got := read(t, ranged); ranged.StatusCode != http.StatusPartialContent || got != "<!doctype html>" {
		t.Errorf("a range: %d %q", ranged.StatusCode, got)
	}
}

func TestAcceptsGzip(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": false, "br": false, "gzip": true, "br, GZIP": true, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip;q=0.5": true, "xgzip": false, "gzip;q=0, br": false, "deflate, gzip;q=1.0": true,
	} {
		if got := acceptsGzip(header); got != want {
			t.Errorf("acceptsGzip(%q) = %v", header, got)
		}
	}
}

func TestOtherRequests(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		method, target string
		status         int
		reason         string
	}{
		{http.MethodGet, "/playground/assets/none.js", 404, "there is no such file"},
		{http.MethodGet, "/playground/assets/", 404, "directories are not listed"},
		{http.MethodGet, "/playground/index.html", 404, "the page has one address"},
		{http.MethodGet, "/playground/../web.go", 404, "nothing outside dist is served"},
		{http.MethodGet, "/nothing", 404, "only its own paths"},
		{http.MethodGet, "/index.html", 404, "nor by another"},
		{http.MethodGet, "/app/index.html", 404, "nor by a third"},
		{http.MethodGet, "/c", 404, "a chat has an id"},
		{http.MethodGet, "/playground/", 301, "a slash too many leads to the page"},
		{http.MethodGet, "/debug/connections/", 301, "here too"},
		{http.MethodGet, "/debug/connections/index.html", 404, "this page has one address too"},
		{http.MethodGet, "/debug", 404, "there is no list of such pages"},
		{http.MethodPost, "/playground", 405, "nothing can be changed here"},
		{http.MethodOptions, "/playground", 405, "no other origin has a reason to ask"},
	} {
		if res := get(t, c.method, c.target); res.StatusCode != c.status {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.target, res.StatusCode, c.status, c.reason)
		}
	}
	for _, page := range []string{"/playground", "/debug/connections"} {
		if to := get(t, http.MethodGet, page+"/").Header.Get("Location"); to != page {
			t.Errorf("%s/ leads to %q", page, to)
		}
	}
	if allow := get(t, http.MethodPost, "/playground").Header.Get("Allow"); allow != "GET, HEAD" {
		t.Errorf("Allow = %q", allow)
	}
	head := get(t, http.MethodHead, "/playground")
	if head.StatusCode != http.StatusOK || read(t, head) != "" || head.Header.Get("ETag") == "" {
		t.Errorf("HEAD: %d, with a body or without an ETag", head.StatusCode)
	}
}

func TestUnknownFileTypeIsAnError(t *testing.T) {
	t.Parallel()
	if _, _, err := newFile("assets/x.wasm", nil); err == nil {
		t.Error("a file without a known content type was taken; a browser would be left to guess")
	}
}

// TestBuildIsSmall keeps the binary and a first visit light: what grew is worth a look.
func TestBuildIsSmall(t *testing.T) {
	t.Parallel()
	total := 0
	for _, f := range load() {
		total += len(f.body)
	}
	if total > 3<<20 {
		t.Errorf("dist has %d bytes, more than 3 MiB", total)
	}
}

// TestBuildIsClean: no source maps, and nothing that names the machine it was built on.
func TestBuildIsClean(t *testing.T) {
	t.Parallel()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		for _, never := range []string{"sourceMappingURL=", here, "file:///"} {
			if strings.Contains(string(body), never) {
				t.Errorf("%s contains %s", name, never)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLockFileNamesNoHost: the lock file holds versions and hashes, so that any mirror serves.
func TestLockFileNamesNoHost(t *testing.T) {
	t.Parallel()
	lock, err := os.ReadFile("package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved": "http`) { // those of the workspace are paths
		t.Error("package-lock.json has resolved addresses; .npmrc should keep them out")
	}
	if !strings.Contains(string(lock), `"integrity"`) {
		t.Error("package-lock.json has no hashes")
	}
}
