package db

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of texts, in characters (Unicode code points).
const (
	MaxTitle   = 200
	MaxContent = 16_000
	MaxName    = 200 // a user id or a module id
)

// CleanTitle trims a chat's title and checks it. Errors: BAD_USER_INPUT naming field.
func CleanTitle(field, text string) (string, error) { return cleanText(field, text, MaxTitle, "\n\t") }

// CleanContent trims a message's content and checks it. Errors: BAD_USER_INPUT naming field.
func CleanContent(field, text string) (string, error) {
	return cleanText(field, text, MaxContent, "\n\t")
}

// CleanName checks an identifier that others have chosen: a user id or a module id. It is trimmed and
// takes no control characters at all. Errors: BAD_USER_INPUT naming field.
func CleanName(field, text string) (string, error) { return cleanText(field, text, MaxName, "") }

// cleanText trims white space and refuses what PostgreSQL cannot store (NUL), what is no UTF-8, and control
// characters outside of allowed: they only ever serve to confuse whoever reads the text later.
func cleanText(field, text string, limit int, allowed string) (string, error) {
	if !utf8.ValidString(text) {
		return "", BadInput(field, "must be valid UTF-8.")
	}
	text = strings.TrimSpace(text)
	for _, r := range text {
		if unicode.IsControl(r) && !strings.ContainsRune(allowed, r) {
			return "", BadInput(field, "must not contain control characters or broken UTF-8.")
		}
	}
	switch n := utf8.RuneCountInString(text); {
	case n == 0:
		return "", BadInput(field, "must not be empty.")
	case n > limit:
		return "", BadInput(field, "must have at most %d characters, not %d.", limit, n)
	}
	return text, nil
}
