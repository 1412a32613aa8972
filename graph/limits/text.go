package limits

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
)

// checkText checks the limits that need only the tokens, before a parser recurses into them. It takes time in proportion to the
// text, and stops at the limit of tokens.
//
// Texts have a limit of their own: a module's content is as long as hundreds of documents, but costs less to read than a
// document of a tenth of its length.
func checkText(query string) *gqlerror.Error {
	if err := TooComplex("bytes", MaxBytes+MaxTextBytes, len(query)); err != nil {
		return err
	}
	if err := TooComplex("lines", MaxLines, strings.Count(query, "\n")+strings.Count(query, "\r")); err != nil {
		return err
	}
	t := readTokens(query)
	if t.halfPair {
		return withCode(errcode.ParseFailed, "A text holds half of a surrogate pair.")
	}
	return checkCounts([]count{
		{"tokens", MaxTokens, t.tokens},
		{"bytes in texts", MaxTextBytes, t.texts},
		{"bytes besides texts", MaxBytes, len(query) - t.texts},
		{"bytes in a name", MaxNameBytes, t.name},
		{"brackets within each other", MaxNesting, t.nesting},
	})
}

// text is what is counted in the tokens of a document. Counting ends at the first syntax error.
//
// The search for half of a surrogate pair runs once, at the end: a search of the whole text for each of 10,000 suspicious values
// took two minutes.
type text struct {
	tokens, name, nesting, texts int
	halfPair                     bool
}

func readTokens(query string) (t text) {
	tokens, open, replaced := lexer.New(&ast.Source{Input: query}), 0, false
	at := position{text: query}
	for {
		token, err := tokens.ReadToken()
		if err != nil || token.Kind == lexer.EOF || t.tokens > MaxTokens {
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
			t.texts += at.between(token.Pos) - 2*len(`"`)
			replaced = replaced || strings.ContainsRune(token.Value, utf8.RuneError)
		case lexer.BlockString:
			t.texts += at.between(token.Pos) - 2*len(`"""`)
		}
	}
}

// position turns the lexer's positions, which count characters, into bytes. It only moves forward, so that a document is
// walked once.
type position struct {
	text         string
	chars, bytes int
}

func (p *position) between(token ast.Position) (bytes int) {
	start := p.byteOf(token.Start)
	return p.byteOf(token.End) - start
}

func (p *position) byteOf(char int) int {
	for ; p.chars < char && p.bytes < len(p.text); p.chars++ {
		if p.text[p.bytes] < utf8.RuneSelf {
			p.bytes++
			continue
		}
		_, size := utf8.DecodeRuneInString(p.text[p.bytes:])
		p.bytes += size
	}
	return p.bytes
}

// hasHalfPair finds an escape such as \ud83d without its other half. The lexer would replace it by U+FFFD, and the text that is
// stored would not be the one that was sent.
func hasHalfPair(query string) bool {
	for {
		at := strings.IndexByte(query, '\\')
		if at < 0 {
			return false
		}
		query = query[at:]
		switch first := escaped(query); {
		case !utf16.IsSurrogate(first):
			query = query[min(2, len(query)):] // over the escaped character, which may be a backslash
		case utf16.DecodeRune(first, escaped(query[6:])) == utf8.RuneError:
			return true
		default:
			query = query[12:]
		}
	}
}

// escaped is the code unit of the \uXXXX that text begins with, or -1.
func escaped(text string) rune {
	if len(text) < 6 || text[:2] != `\u` {
		return -1
	}
	unit, err := strconv.ParseUint(text[2:6], 16, 16)
	if err != nil {
		return -1
	}
	return rune(unit)
}
