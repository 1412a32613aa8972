// Package web serves the browser pages that are built into the binary: the chat page, the playground, a GraphiQL, and the page of
// the connections. None needs another host. README.md says how dist is built; it is committed, so that building the server takes Go alone.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

//go:embed dist
var dist embed.FS

// playgroundPath is the path of the playground; vite.config.js builds it for this base.
const playgroundPath = "/playground"

// connectionsPath is the path of the page that shows the connections of the instance. It is for administrators, and holds no data:
// what it shows is asked for with a token.
const connectionsPath = "/debug/connections"

// chatPath is what the addresses of open chats begin with. The chat page serves them all; its script reads the rest.
const chatPath = "/c/"

// contentSecurityPolicy allows what the pages need and nothing else: their own scripts and style sheets, the fonts of
// formulas, their own /graphql (connect-src 'self' covers ws: and wss: of the same host), and the pictures that GraphiQL's
// style sheet carries as data. Nothing inline: src/no-scroll-lock.js and app/vite.config.ts say what that took.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes is a closed list: mime.TypeByExtension asks the machine's own tables, so its answers differ by host.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".md":   "text/plain; charset=utf-8",

	".woff2":    "font/woff2",
	".graphqls": "text/plain; charset=utf-8",
}

// schemaPath is where the page reads the schema for its documentation and completion.
const schemaPath = playgroundPath + "/schema.graphqls"

// Options of the pages.
type Options struct {
	// Schema serves the schema with the playground, to everybody who can open it. It is the same for every server of this version,
	// and public, so only servers that are configured to hide it (INTROSPECTION=off) do not serve it.
	Schema bool
	// SignIn is the address of an identity provider, which the chat page offers to people who have to sign in; empty without one.
	SignIn string
}

// file is one built file, ready to be served.
type file struct {
	body         []byte
	gzipped      func() []byte // compressed when first asked for: most servers never show the page
	contentType  string
	cacheControl string
	tag          string // of the body, without quotes
}

// Pages serves the chat page at / and at the addresses of chats, the playground at /playground, the connections at
// /debug/connections, and their files, to GET and HEAD.
// It expects the request's full path, is safe for concurrent use, and needs no authentication: the pages hold no data,
// what they ask for needs the token.
func Pages(options Options) http.Handler {
	files := load()
	if !options.Schema {
		delete(files, schemaPath)
	}
	if options.SignIn != "" {
		files["/"] = withSignIn(files["/"], options.SignIn)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setSecurityHeaders(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		switch r.URL.Path {
		case playgroundPath + "/":
			http.Redirect(w, r, playgroundPath, http.StatusMovedPermanently)
			return
		case connectionsPath + "/":
			http.Redirect(w, r, connectionsPath, http.StatusMovedPermanently)
			return
		}
		f, ok := files[fileOf(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	})
}

// fileOf says which file a path shows.
func fileOf(path string) string {
	if strings.HasPrefix(path, chatPath) {
		return "/"
	}
	return path
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", f.cacheControl)
	h.Set("Vary", "Accept-Encoding")
	body, tag := f.body, f.tag
	// A range is served from the plain body, since a range of a compressed one is useless.
	if r.Header.Get("Range") == "" && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = f.gzipped(), f.tag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip says whether an Accept-Encoding header names gzip without q=0. It ignores preferences, since gzip is the only
// encoding here.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=0")
			return !found || strings.Trim(q, ".0") != ""
		}
	}
	return false
}

// load reads the embedded files, by the path they are served at. It panics when dist is incomplete: such a commit fails at its
// first start and in the tests, and no caller could handle it.
func load() map[string]file {
	files := make(map[string]file)
	err := fs.WalkDir(dist, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(strings.TrimPrefix(name, "dist/"), "app/") // the chat page is at the root
		served, f, err := newFile(name, body)
		files[served] = f
		return err
	})
	for _, page := range []string{"/", playgroundPath, connectionsPath} {
		if _, ok := files[page]; err == nil && !ok {
			err = fmt.Errorf("the page of %s is missing", page)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("web/dist: %v; build it with `npm ci && npm run build` in web/", err))
	}
	return files
}

// newFile prepares the file of that name in dist and says at which path it is served.
func newFile(name string, body []byte) (string, file, error) {
	contentType, ok := contentTypes[path.Ext(name)]
	if !ok {
		return "", file{}, fmt.Errorf("%s: no content type is known for it", name)
	}
	sum := sha256.Sum256(body)
	f := file{
		body:         body,
		gzipped:      sync.OnceValue(func() []byte { return compress(body) }),
		contentType:  contentType,
		cacheControl: "no-cache", // cached, but revalidated each time, since a new server has a new page
		tag:          hex.EncodeToString(sum[:8]),
	}
	served, isPage := strings.CutSuffix("/"+name, "/index.html")
	switch {
	case isPage && served == "":
		served = "/"
	case strings.Contains(name, "assets/"): // the name carries a hash of the content
		f.cacheControl = "public, max-age=31536000, immutable"
	}
	return served, f, nil
}

func compress(body []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return out.Bytes()
}
