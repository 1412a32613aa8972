package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	linkTo    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading   = regexp.MustCompile(`(?m)^#+ (.+)$`)
	notInSlug = regexp.MustCompile(`[^\p{L}\p{N}_\- ]`)
)

// TestLinks: each link within the repository leads to a file that exists, and to a heading that the file has.
func TestLinks(t *testing.T) {
	t.Parallel()
	check, links := linkCheck{}, 0
	for _, page := range pages(t) {
		for _, m := range linkTo.FindAllStringSubmatch(withoutCode(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			if fault := check.fault(t, page, m[1]); fault != "" {
				t.Errorf("%s: the link to %s leads nowhere: %s", page, m[1], fault)
			}
		}
	}
	if links < 100 {
		t.Errorf("%d links found: the pattern is wrong", links)
	}
	for _, wrong := range []string{"nowhere.md", "security.md#nowhere", "#nowhere"} {
		if check.fault(t, "security.md", wrong) == "" {
			t.Errorf("control: a link to %s passes", wrong)
		}
	}
}

func pages(t *testing.T) (all []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "../*.md", "../web/*.md"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}

// linkCheck holds the anchors that GitHub gives to the headings of the pages read so far.
type linkCheck map[string][]string

// fault says what is wrong with a link of a page; "" is nothing.
func (c linkCheck) fault(t *testing.T, page, target string) string {
	t.Helper()
	file, anchor, _ := strings.Cut(target, "#")
	path := page
	if file != "" {
		path = filepath.Join(filepath.Dir(page), file)
	}
	if _, err := os.Stat(path); err != nil {
		return "there is no such file"
	}
	if anchor != "" && !slices.Contains(c.anchors(t, path), anchor) {
		return "there is no such heading"
	}
	return ""
}

func (c linkCheck) anchors(t *testing.T, page string) []string {
	t.Helper()
	if c[page] == nil {
		for _, m := range heading.FindAllStringSubmatch(withoutCode(t, page), -1) {
			c[page] = append(c[page], strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
		}
	}
	return c[page]
}
