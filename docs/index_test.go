package docs

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
	decision  = regexp.MustCompile(`(?m)^## (\d+)\. (.+)$`)
	entry     = regexp.MustCompile(`(?m)^\| \[(\d+)\]\(#[^)]+\) \| (.+?) \| .+ \|$`)
)

// TestDecisionsIndex: the index has each decision once, with its title, and nothing else.
func TestDecisionsIndex(t *testing.T) {
	t.Parallel()
	text := withoutCode(t, "decisions.md")
	titles, index := numbered(decision, text), numbered(entry, text)
	if len(titles) < 118 {
		t.Fatalf("%d decisions found: the pattern is wrong", len(titles))
	}
	slices.Sort(titles)
	slices.Sort(index)
	for _, title := range titles {
		if !slices.Contains(index, title) {
			t.Errorf("the index lacks decision %s", title)
		}
	}
	for i, in := range index {
		if !slices.Contains(titles, in) || i > 0 && index[i-1] == in {
			t.Errorf("the index has %s, which is not a decision's title, or has it twice", in)
		}
	}
}

// numbered returns "number. title" of each match.
func numbered(pattern *regexp.Regexp, text string) (all []string) {
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1]+". "+m[2])
	}
	return all
}

func withoutCode(t *testing.T, page string) string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return codeBlock.ReplaceAllString(string(text), "")
}
