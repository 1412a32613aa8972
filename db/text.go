package db

import (
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of texts, in characters (Unicode code points) unless they say bytes.
const (
	MaxTitle         = 200
	MaxContent       = 16_000
	MaxModuleContent = 200_000
	MaxName          = 200   // a user id or a module id
	MaxAvatarURL     = 2_000 // bytes
)

// CleanTitle checks the title of a chat and trims white space at both ends. A title is one line: each line end inside it
// becomes a space. Errors: BAD_USER_INPUT naming field.
func CleanTitle(field, text string) (string, error) {
	return cleanText(field, text, textRule{limit: MaxTitle, allowed: "\t", trim: func(text string) string {
		return strings.TrimSpace(lineEndsToSpace.Replace(text))
	}})
}

// CleanContent checks the content of a message. Line ends of every kind become LF. Leading blank lines and trailing white
// space go; the indentation of the first line stays. Errors: BAD_USER_INPUT naming field.
func CleanContent(field, text string) (string, error) {
	return cleanText(field, text, textRule{limit: MaxContent, allowed: "\n\t", trim: trimBlock})
}

// CleanModuleContent checks the content of a module by the rules of CleanContent, except that it may be longer, and empty.
// A text without a visible character becomes "". Errors: BAD_USER_INPUT naming field.
func CleanModuleContent(field, text string) (string, error) {
	return cleanText(field, text, textRule{limit: MaxModuleContent, allowed: "\n\t", trim: trimBlock, mayBeEmpty: true})
}

// CleanName checks an identifier that others have chosen: a user id or a module id. White space at both ends is trimmed,
// and control characters are refused, including line ends: replacing them could make two identifiers equal.
// Errors: BAD_USER_INPUT naming field.
func CleanName(field, text string) (string, error) {
	return cleanText(field, text, textRule{limit: MaxName, trim: strings.TrimSpace})
}

// CleanAvatarURL checks the address of a picture and trims white space at both ends: an absolute http or https URL of at
// most MaxAvatarURL bytes. User and password are refused, because everybody in the chat would see them. So are white space
// and invisible characters, which would disguise the URL. Errors: BAD_USER_INPUT naming field.
func CleanAvatarURL(field, text string) (string, error) {
	if !utf8.ValidString(text) {
		return "", BadInput(field, "must be valid UTF-8.")
	}
	text = strings.TrimSpace(text)
	if len(text) > MaxAvatarURL {
		return "", BadInput(field, "must have at most %d bytes, not %d.", MaxAvatarURL, len(text))
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || !isVisible(r) }) {
		return "", BadInput(field, "must not contain white space, control characters or invisible characters.")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || !isPort(u.Port()):
		return "", BadInput(field, "must be an absolute http or https URL.")
	case u.User != nil:
		return "", BadInput(field, "must not contain a user or a password.")
	}
	return text, nil
}

// isPort says whether a URL may have this port. "" means the default port.
func isPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// textRule has the differences between kinds of text.
type textRule struct {
	limit      int                      // in characters
	allowed    string                   // control characters that may stay
	trim       func(text string) string // normalizes line ends and white space; it is idempotent
	mayBeEmpty bool
}

// cleanText trims a text and refuses three things: invalid UTF-8, NUL, which PostgreSQL cannot store, and other control
// characters, which confuse readers. Lengths are those of the trimmed text.
//
// A text without a visible character counts as empty. In a text with one, invisible characters stay: Persian words and composed emoji
// need them.
func cleanText(field, text string, rule textRule) (string, error) {
	if !utf8.ValidString(text) {
		return "", BadInput(field, "must be valid UTF-8.")
	}
	text = rule.trim(text)
	for _, r := range text {
		if unicode.IsControl(r) && !strings.ContainsRune(rule.allowed, r) {
			return "", BadInput(field, "must not contain control characters or broken UTF-8.")
		}
	}
	switch n := utf8.RuneCountInString(text); {
	case !strings.ContainsFunc(text, isVisible) && rule.mayBeEmpty:
		return "", nil
	case n == 0:
		return "", BadInput(field, "must not be empty.")
	case !strings.ContainsFunc(text, isVisible):
		return "", BadInput(field, "must contain a visible character.")
	case n > rule.limit:
		return "", BadInput(field, "must have at most %d characters, not %d.", rule.limit, n)
	}
	return text, nil
}

// For texts of several lines, and for texts of one line.
var lineEndsToLF, lineEndsToSpace = lineEndsTo("\n"), lineEndsTo(" ")

// lineEndsTo replaces what programs write at the end of a line: LF, CR, CRLF, and the other new line functions of the Unicode
// standard (section 5.8). Word processors write VT for a line break inside a paragraph.
func lineEndsTo(replacement string) *strings.Replacer {
	ends := []string{"\r\n", "\r", "\n", "\v", "\f", "\u0085", "\u2028", "\u2029"} // CRLF before CR: the first match wins
	pairs := make([]string, 0, 2*len(ends))
	for _, end := range ends {
		pairs = append(pairs, end, replacement)
	}
	return strings.NewReplacer(pairs...)
}

// trimBlock is for texts of several lines, such as code: white space before the first visible line is its indentation.
func trimBlock(text string) string {
	text = strings.TrimRightFunc(lineEndsToLF.Replace(text), unicode.IsSpace)
	indented := strings.TrimLeftFunc(text, unicode.IsSpace)
	blank := text[:len(text)-len(indented)]
	return text[strings.LastIndex(blank, "\n")+1:]
}

// blanks are characters whose glyph is empty by design, though Unicode counts them as letters, marks or symbols: the Braille
// pattern without dots, the Khitan filler, the musical null notehead, and the blanks of Egyptian hieroglyphs.
const blanks = "\u2800\U00016FE4\U0001D159\U00013441\U00013442"

// isVisible says whether a reader sees r. White space, format characters, and all other characters that are ignored by
// default (Default_Ignorable_Code_Point: zero-width characters, variation selectors, Hangul fillers, tags) do not count.
// A combining mark does: alone, it is shown on a dotted circle or on a space.
func isVisible(r rune) bool {
	switch {
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // format characters with a glyph, such as the Arabic number sign
		return true
	case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), strings.ContainsRune(blanks, r):
		return false
	}
	return !unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
