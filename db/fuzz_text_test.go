package db

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzCleanTexts: titles, contents and names against the rules said again in other words. What is taken is the trimmed
// input and nothing else, is valid UTF-8 within its bounds, and stays as it is when it is cleaned again; what breaks no rule
// is taken.
func FuzzCleanTexts(f *testing.F) {
	for _, seed := range []string{
		"", " ", "text", " text\n", "a\tb\nc", "a\r\nb", "a\x00b", "a\x7fb", "a\u0085b", "\u0085a", "\u2028a", "\ufeffa", "a\ufffd", "a\xff", "\xed\xa0\x80",
		"\xc0\xaf", "👩‍👩‍👧‍👦", "e\u0301", "\u202eabc", "\u00a0\u3000", strings.Repeat("é", MaxTitle), strings.Repeat("é", MaxTitle+1),
		strings.Repeat("𝄞", MaxContent), strings.Repeat("𝄞", MaxContent+1), strings.Repeat(" ", MaxContent+1) + "a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []struct {
			name    string
			clean   func(field, text string) (string, error)
			limit   int
			control string
		}{
			{"title", CleanTitle, MaxTitle, "\n\t"},
			{"content", CleanContent, MaxContent, "\n\t"},
			{"name", CleanName, MaxName, ""},
		} {
			clean, err := rule.clean(rule.name, s)
			if good := isClean(strings.TrimFunc(s, unicode.IsSpace), rule.limit, rule.control); good != (err == nil) {
				t.Errorf("%s %.60q: taken or not, that is wrong: %v", rule.name, s, err)
			}
			if err != nil {
				if clean != "" || !refusedAs(err, rule.name, s) {
					t.Errorf("%s %.60q: %.60q, %v", rule.name, s, clean, err)
				}
				continue
			}
			if clean != strings.TrimFunc(s, unicode.IsSpace) || !isClean(clean, rule.limit, rule.control) {
				t.Errorf("%s %.60q is cleaned to %.60q", rule.name, s, clean)
			}
			if again, err := rule.clean(rule.name, clean); err != nil || again != clean {
				t.Errorf("%s %.60q is cleaned to %.60q, then to %.60q, %v", rule.name, s, clean, again, err)
			}
		}
	})
}

// isClean is the rule in other words: it walks bytes, while the code under test trusts unicode/utf8's counts.
func isClean(s string, limit int, control string) bool {
	n := 0
	for i := 0; i < len(s); n++ {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return false
		}
		if (r < 0x20 || 0x7f <= r && r < 0xa0) && !strings.ContainsRune(control, r) {
			return false
		}
		i += size
	}
	return 1 <= n && n <= limit
}
