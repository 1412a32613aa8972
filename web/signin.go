package web

import (
	"bytes"
	"fmt"
	"html"
)

// signInPlace is the element of the chat page that tells its script where people sign in. An attribute is data: the
// Content-Security-Policy has nothing to allow for it, and the page needs no request to learn it.
const signInPlace = `<meta name="studychat-sign-in" content="%s">`

// withSignIn returns the chat page with the address of an identity provider. It panics when the build has no place for it, as load does
// for a build that is incomplete.
func withSignIn(page file, address string) file {
	place := fmt.Appendf(nil, signInPlace, "")
	if bytes.Count(page.body, place) != 1 {
		panic("web/dist: the chat page has no place for the address of a sign-in; see app/index.html")
	}
	_, changed, err := newFile("index.html", bytes.Replace(page.body, place, fmt.Appendf(nil, signInPlace, html.EscapeString(address)), 1))
	if err != nil {
		panic(err) // the name of a page is known
	}
	return changed
}
