package db

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzCleanTexts: titles, contents, modules and names against the rules said again in other words. A clean text is valid
// UTF-8 within its bounds, and stays as it is when it is cleaned again; what breaks no rule is accepted.
func FuzzCleanTexts(f *testing.F) {
	for _, seed := range []string{
		"", " ", "text", " text\n", "a\tb\nc", "a\r\nb", "a\x00b", "a\x7fb", "a\u0085b", "\u0085a", "\u2028a", "\ufeffa", "a\ufffd", "a\xff", "\xed\xa0\x80",
		"\xc0\xaf", "👩‍👩‍👧‍👦", "e\u0301", "\u202eabc", "\u00a0\u3000", strings.Repeat("é", MaxTitle), strings.Repeat("é", MaxTitle+1),
		strings.Repeat("𝄞", MaxContent), strings.Repeat("𝄞", MaxContent+1), strings.Repeat(" ", MaxContent+1) + "a",
		"a\r\n\rb\v\f\u2029c", "\n \n  a\r\n  b\n ", "\u200b", " \u200b\n", "\n\u200b\n a", "\u2800\u115f", "\U000e0041", "a\n\u200d",
		strings.Repeat("a", MaxModuleContent), strings.Repeat("a", MaxModuleContent+1),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, rule := range []struct {
			name    string
			clean   func(field, text string) (string, error)
			form    func(string) string
			limit   int
			control string
			empty   bool
		}{
			{"title", CleanTitle, oneLine, MaxTitle, "\t", false},
			{"content", CleanContent, block, MaxContent, "\n\t", false},
			{"module", CleanModuleContent, block, MaxModuleContent, "\n\t", true},
			{"name", CleanName, bare, MaxName, "", false},
		} {
			clean, err := rule.clean(rule.name, s)
			want := rule.form(s)
			seen, good := isClean(want, rule.control)
			good = good && utf8.ValidString(s) && (seen && utf8.RuneCountInString(want) <= rule.limit || !seen && rule.empty)
			if !seen {
				want = ""
			}
			if good != (err == nil) {
				t.Errorf("%s %.60q: accepted or not, that is wrong: %v", rule.name, s, err)
			}
			if err != nil {
				if clean != "" || !refusedAs(err, rule.name, s) {
					t.Errorf("%s %.60q: %.60q, %v", rule.name, s, clean, err)
				}
				continue
			}
			if clean != want {
				t.Errorf("%s %.60q is cleaned to %.60q, want %.60q", rule.name, s, clean, want)
			}
			if again, err := rule.clean(rule.name, clean); err != nil || again != clean {
				t.Errorf("%s %.60q is cleaned to %.60q, then to %.60q, %v", rule.name, s, clean, again, err)
			}
		}
	})
}

// bare, oneLine and block are the forms of texts in other words: they walk lines, while the code under test searches.
func bare(s string) string    { return strings.TrimFunc(s, unicode.IsSpace) }
func oneLine(s string) string { return bare(strings.Join(linesOf(s), " ")) }

func block(s string) string {
	lines := linesOf(s)
	for len(lines) > 0 && bare(lines[0]) == "" {
		lines = lines[1:]
	}
	for len(lines) > 0 && bare(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	return strings.TrimRightFunc(strings.Join(lines, "\n"), unicode.IsSpace)
}

func linesOf(s string) []string {
	var lines []string
	begin, last := 0, rune(0)
	for i, r := range s {
		switch {
		case r == '\n' && last == '\r':
			begin = i + 1
		case strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r):
			lines = append(lines, s[begin:i])
			begin = i + utf8.RuneLen(r)
		}
		last = r
	}
	return append(lines, s[begin:])
}

// isClean walks bytes, while the code under test trusts unicode/utf8's counts. seen says whether any character is visible.
func isClean(s, control string) (seen, good bool) {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			return seen, false
		}
		if (r < 0x20 || 0x7f <= r && r < 0xa0) && !strings.ContainsRune(control, r) {
			return seen, false
		}
		seen = seen || !unicode.IsSpace(r) && !isListedInvisible(r)
		i += size
	}
	return seen, true
}

// FuzzCleanAvatarURL: what is accepted is short, visible, has a scheme that browsers load pictures with and no "@" before
// its path, and stays as it is when it is cleaned again.
func FuzzCleanAvatarURL(f *testing.F) {
	for _, seed := range []string{"https://a.example/b", " http://a:1/?q#f ", "https://u:p@a/", "HTTP://a", "https://[::1]/", "https://a%20b/", "https://a\\b/", "//a", "https://é/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, err := CleanAvatarURL("avatarUrl", s)
		if err != nil {
			if clean != "" || !refusedAs(err, "avatarUrl", s) {
				t.Errorf("%.60q: %.60q, %v", s, clean, err)
			}
			return
		}
		_, rest, _ := strings.Cut(clean, "://")
		authority := rest[:len(rest)-len(strings.TrimLeftFunc(rest, func(r rune) bool { return !strings.ContainsRune("/?#", r) }))]
		if low := strings.ToLower(clean); clean != bare(s) || len(clean) > MaxAvatarURL || authority == "" || strings.Contains(authority, "@") ||
			!strings.HasPrefix(low, "http://") && !strings.HasPrefix(low, "https://") || strings.ContainsFunc(clean, unicode.IsSpace) {
			t.Errorf("%.60q is cleaned to %.60q", s, clean)
		}
		if again, err := CleanAvatarURL("avatarUrl", clean); err != nil || again != clean {
			t.Errorf("%.60q is cleaned to %.60q, then to %.60q, %v", s, clean, again, err)
		}
	})
}
