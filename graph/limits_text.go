package graph

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// checkText refuses what can be told from the tokens alone, before a parser recurses into them. It takes time in
// proportion to the text.
func checkText(query string) *gqlerror.Error {
	if err := tooComplex("bytes", MaxBytes, len(query)); err != nil {
		return err
	}
	t := readTokens(query)
	if t.halfPair {
		return badText("A text holds half of a surrogate pair.")
	}
	return checkCounts([]count{
		{"tokens", MaxTokens, t.tokens},
		{"bytes in a name", MaxNameBytes, t.name},
		{"brackets within each other", MaxNesting, t.nesting},
	})
}

// text is what is counted in the tokens of a document. Where the text cannot be read on, counting ends.
//
// Half of a surrogate pair is looked for once and at the end: a look at the whole text for each of 10,000 values that had a
// reason took two minutes.
type text struct {
	tokens, name, nesting int
	halfPair              bool
}

func readTokens(query string) (t text) {
	tokens, open, replaced := lexer.New(&ast.Source{Input: query}), 0, false
	for {
		token, err := tokens.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			t.halfPair = replaced && hasHalfPair(query)
			return t
		}
		t.tokens++
		switch token.Kind {
		case lexer.ParenL, lexer.BracketL, lexer.BraceL:
			open++
			t.nesting = max(t.nesting, open)
		case lexer.ParenR, lexer.BracketR, lexer.BraceR:
			open--
		case lexer.Name:
			t.name = max(t.name, len(token.Value))
		case lexer.String:
			replaced = replaced || strings.ContainsRune(token.Value, utf8.RuneError)
		}
	}
}

var escapes = regexp.MustCompile(`\\(u[0-9A-Fa-f]{4}|.)`)

// hasHalfPair finds an escape such as \ud83d without its other half. The lexer puts U+FFFD in its place, and text would
// be stored that nobody wrote.
func hasHalfPair(query string) bool {
	first, end := rune(0), 0 // the first half of a pair, and where it ended
	for _, at := range escapes.FindAllStringIndex(query, -1) {
		unit, _ := strconv.ParseUint(strings.TrimPrefix(query[at[0]:at[1]], `\u`), 16, 16)
		r := rune(unit)
		if first != 0 {
			if at[0] != end || utf16.DecodeRune(first, r) == utf8.RuneError {
				return true
			}
			first = 0
			continue
		}
		if utf16.IsSurrogate(r) {
			first, end = r, at[1]
		}
	}
	return first != 0
}
