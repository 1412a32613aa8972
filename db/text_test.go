package db

import (
	"strings"
	"testing"
	"unicode"
)

func TestCleanTexts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		reason string
		clean  func(field, text string) (string, error)
		in     string
		want   string // "" is a refusal
	}{
		{"trimmed", CleanTitle, " \t\n title \u00a0\u2003", "title"},
		{"inner space stays", CleanContent, "a  b\n\n\tc", "a  b\n\n\tc"},
		{"nothing left", CleanTitle, " \n\u2003 ", ""},
		{"empty", CleanContent, "", ""},
		{"NUL", CleanContent, "a\x00b", ""},
		{"escape", CleanContent, "a\x1bb", ""},
		{"C1 control", CleanContent, "a\u0084b", ""},
		{"broken UTF-8", CleanContent, "a\xff", ""},
		{"half a surrogate", CleanContent, "a\xed\xa0\x80", ""},
		{"emoji", CleanContent, "👩‍👩‍👧‍👦", "👩‍👩‍👧‍👦"},
		{"the longest title", CleanTitle, strings.Repeat("𝄞", MaxTitle), strings.Repeat("𝄞", MaxTitle)},
		{"a longer title", CleanTitle, strings.Repeat("𝄞", MaxTitle+1), ""},
		{"the longest content", CleanContent, strings.Repeat("a", MaxContent), strings.Repeat("a", MaxContent)},
		{"longer content", CleanContent, strings.Repeat("a", MaxContent+1), ""},
		{"long only before trimming", CleanContent, "a" + strings.Repeat(" ", MaxContent), "a"},
		{"long only before line ends became LF", CleanContent, strings.Repeat("a\r\n", MaxContent/2-1) + "a", strings.Repeat("a\n", MaxContent/2-1) + "a"},
		{"indentation counts", CleanContent, strings.Repeat(" ", MaxContent) + "a", ""},
		{"the longest module", CleanModuleContent, strings.Repeat("𝄞", MaxModuleContent), strings.Repeat("𝄞", MaxModuleContent)},
		{"a longer module", CleanModuleContent, strings.Repeat("a", MaxModuleContent+1), ""},
		{"NUL in a module", CleanModuleContent, "a\x00b", ""},
		{"a name", CleanName, " user-1 ", "user-1"},
		{"a name with a line break", CleanName, "user\n1", ""},
		{"a name with a line separator stays one name", CleanName, "user\u20281", "user\u20281"},
		{"a name with a pasted line end", CleanName, "user-1\r\n", "user-1"},
		{"a name with a tab", CleanName, "user\t1", ""},
		{"a longer name", CleanName, strings.Repeat("a", MaxName+1), ""},
	} {
		got, err := test.clean("field", test.in)
		if got != test.want || (CodeOf(err) == CodeBadUserInput) != (test.want == "") {
			t.Errorf("%s: got %.40q, %v", test.reason, got, err)
		}
	}
}

// TestCleanLineEnds: whatever editors and programs write at the end of a line is one LF in a content and one space in a
// title, and trimmed at the ends of both.
func TestCleanLineEnds(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"\n", "\r\n", "\r", "\v", "\f", "\u0085", "\u2028", "\u2029"} {
		for _, test := range []struct {
			clean    func(field, text string) (string, error)
			in, want string
		}{
			{CleanContent, "a" + end + "b", "a\nb"},
			{CleanContent, "a" + end + end + "b", "a\n\nb"},
			{CleanContent, end + "a" + end, "a"},
			{CleanModuleContent, "a" + end + "b" + end, "a\nb"},
			{CleanTitle, "a" + end + "b", "a b"},
			{CleanTitle, end + "a" + end, "a"},
			{CleanName, "a" + end, "a"},
		} {
			if got, err := test.clean("field", test.in); got != test.want || err != nil {
				t.Errorf("%q: got %q, %v, want %q", test.in, got, err, test.want)
			}
		}
	}
}

// TestCleanKeepsIndentation: the first visible line of a content keeps its white space, while blank lines before it go.
func TestCleanKeepsIndentation(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"    if x:\n        y()":      "    if x:\n        y()",
		"\tif x {\n\t\ty()\n\t}\n":    "\tif x {\n\t\ty()\n\t}",
		"\r\n \t\r\n  a\r\n b \r\n\t": "  a\n b",
		"\u00a0a":                     "\u00a0a",
		"  one line  ":                "  one line",
	} {
		for _, clean := range []func(field, text string) (string, error){CleanContent, CleanModuleContent} {
			if got, err := clean("content", in); got != want || err != nil {
				t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
			}
		}
	}
	for _, clean := range []func(field, text string) (string, error){CleanTitle, CleanName} {
		if got, err := clean("title", "  a  "); got != "a" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
}

// invisible are texts in which nothing can be seen.
var invisible = map[string]string{
	"zero-width space":            "\u200b",
	"zero-width joiners":          "\u200c\u200d",
	"byte order mark":             "\ufeff",
	"word joiner":                 "\u2060",
	"soft hyphen":                 "\u00ad",
	"variation selectors":         "\ufe0f\U000e0100",
	"Mongolian selectors":         "\u180b\u180e",
	"bidi controls":               "\u202e\u2066\u200f\u061c",
	"Hangul fillers":              "\u115f\u1160\u3164\uffa0",
	"Braille blank":               "\u2800",
	"tags":                        "\U000e0041\U000e007f",
	"combining grapheme joiner":   "\u034f",
	"Khmer inherent vowels":       "\u17b4\u17b5",
	"annotation marks":            "\ufff9\ufffb",
	"musical controls and blanks": "\U0001d173\U0001d159",
	"a mix, with white space":     " \u200b \u3000\ufeff ",
}

// TestCleanRefusesInvisible: a text that shows nothing is as good as empty.
func TestCleanRefusesInvisible(t *testing.T) {
	t.Parallel()
	for reason, in := range invisible {
		for _, clean := range []func(field, text string) (string, error){CleanTitle, CleanContent, CleanName} {
			if got, err := clean("title", in); got != "" || !refusedAs(err, "title", in) {
				t.Errorf("%s: got %q, %v", reason, got, err)
			}
			if got, err := clean("title", in+"a"); err != nil || !strings.HasSuffix(got, "a") {
				t.Errorf("%s and a letter: got %q, %v", reason, got, err)
			}
		}
		if got, err := CleanModuleContent("content", in); got != "" || err != nil {
			t.Errorf("%s in a module: got %q, %v", reason, got, err)
		}
	}
	if got, err := CleanModuleContent("content", ""); got != "" || err != nil {
		t.Errorf("an empty module: %q, %v", got, err)
	}
}

// TestCleanKeepsInvisibleParts: what cannot be seen stays where it belongs to something that can.
func TestCleanKeepsInvisibleParts(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"👩\u200d👩\u200d👧\u200d👦", "می\u200cخواهم", "❤\ufe0f", "🏴\U000e0067\U000e0062\U000e007f", "\u200fשלום\u200f", "co\u00adop", "\ufeffa",
		"\u0301", "\u20dd", "e\u0301", "\u0600", "ㅤa", "⠓⠊\u2800⠓",
	} {
		for _, clean := range []func(field, text string) (string, error){CleanTitle, CleanContent, CleanModuleContent, CleanName} {
			if got, err := clean("field", in); got != in || err != nil {
				t.Errorf("%+q: got %+q, %v", in, got, err)
			}
		}
	}
}

// TestIsVisible compares all characters with the list of the Unicode standard (DerivedCoreProperties.txt,
// Default_Ignorable_Code_Point), and with the few that are invisible beside those.
func TestIsVisible(t *testing.T) {
	t.Parallel()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if want := !unicode.IsSpace(r) && !isListedInvisible(r); isVisible(r) != want {
			t.Errorf("%U: visible is %t", r, !want)
		}
	}
}

func isListedInvisible(r rune) bool {
	for _, span := range [][2]rune{
		{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f},
		{0x202a, 0x202e}, {0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8},
		{0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
		{0xfff9, 0xfffb}, {0x13430, 0x1343f}, // other format characters
		{0x2800, 0x2800}, {0x13441, 0x13442}, {0x16fe4, 0x16fe4}, {0x1d159, 0x1d159}, // empty glyphs
	} {
		if span[0] <= r && r <= span[1] {
			return true
		}
	}
	return false
}

func TestCleanAvatarURL(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ reason, in, want string }{
		{"https", "https://pictures.example/me.png?size=64#face", "https://pictures.example/me.png?size=64#face"},
		{"http with a port", "http://127.0.0.1:8080/me", "http://127.0.0.1:8080/me"},
		{"a scheme in capitals", "HTTPS://pictures.example", "HTTPS://pictures.example"},
		{"trimmed", " https://pictures.example/\r\n", "https://pictures.example/"},
		{"letters beyond ASCII", "https://bücher.example/ä.png", "https://bücher.example/ä.png"},
		{"the longest", "https://a.example/" + strings.Repeat("x", MaxAvatarURL-18), "https://a.example/" + strings.Repeat("x", MaxAvatarURL-18)},
		{"longer", "https://a.example/" + strings.Repeat("x", MaxAvatarURL-17), ""},
		{"longer in bytes alone", "https://a.example/" + strings.Repeat("ä", MaxAvatarURL/2), ""},
		{"empty", "", ""},
		{"relative", "/me.png", ""},
		{"without a scheme", "//pictures.example/me.png", ""},
		{"without a host", "https:///me.png", ""},
		{"a port alone", "https://:443/me.png", ""},
		{"a port out of range", "https://pictures.example:65536/", ""},
		{"opaque", "https:pictures.example", ""},
		{"a script", "javascript:alert(1)", ""},
		{"data", "data:image/png;base64,AAAA", ""},
		{"a file", "file:///etc/passwd", ""},
		{"a password", "https://user:secret@pictures.example/", ""},
		{"a user", "https://user@pictures.example/", ""},
		{"an empty user", "https://@pictures.example/", ""},
		{"a line end", "https://pictures.example/\nme.png", ""},
		{"a C1 control", "https://pictures.example/\u0084", ""},
		{"a space", "https://pictures.example/m e.png", ""},
		{"a bidi control", "https://pictures.example/\u202egnp.em", ""},
		{"a backslash in the host", `https://pictures.example\@evil.example/`, ""},
		{"broken UTF-8", "https://pictures.example/\xff", ""},
	} {
		got, err := CleanAvatarURL("avatarUrl", test.in)
		if got != test.want || (err == nil) != (test.want != "") || err != nil && !refusedAs(err, "avatarUrl", test.in) {
			t.Errorf("%s: got %q, %v", test.reason, got, err)
		}
	}
}
