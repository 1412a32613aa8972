package wire

import (
	"bytes"
	"io"
	"net"
	"net/http/httputil"
	"strings"
	"testing"
	"testing/synctest"
)

// TestResponses: the head goes with the first frame, frames become chunks, also those that waited before the connection was there,
// and the last one ends the response.
func TestResponses(t *testing.T) {
	t.Parallel()
	for _, chunked := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			o := newOwner()
			_ = o.out.Put(t.Context(), []byte("a"))
			ours, theirs := net.Pipe()
			o.out.OpenResponse(ours, []byte("head\n"), chunked)
			all := make(chan string)
			go func() {
				got, _ := io.ReadAll(theirs)
				all <- string(got)
			}()
			_ = o.out.Put(t.Context(), nil) // would be the end
			o.out.Offer([]byte("b"))
			_ = o.out.Last(t.Context(), []byte("c"))
			o.out.Wait()
			_ = ours.Close()
			body, ok := strings.CutPrefix(<-all, "head\n")
			if chunked {
				decoded, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
				if err != nil || !strings.HasSuffix(body, "\r\n0\r\n\r\n") {
					t.Errorf("%q: %v", body, err)
				}
				body = string(decoded)
			}
			if !ok || body != "abc" || !o.out.Begun() || o.heard() != "written" {
				t.Errorf("chunked %t: %q, told %s", chunked, body, o.heard())
			}
		})
	}
}

// TestEndBeforeTheBeginning: what is said instead of a response has no head and no chunk; once the response began it is not said.
func TestEndBeforeTheBeginning(t *testing.T) {
	t.Parallel()
	for _, begun := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			o, to := newOwner(), make(stuck)
			o.out.OpenResponse(to, []byte("head\n"), true)
			want := "instead"
			if begun {
				o.out.Offer([]byte("a"))
				want = "head\n1\r\na\r\n"
			}
			if got := o.out.EndUnbegun([]byte("instead")); got == begun {
				t.Error("EndUnbegun:", got)
			}
			if got := <-to; !bytes.Equal(got, []byte(want)) {
				t.Errorf("%q, want %q", got, want)
			}
			o.out.End(nil)
			o.out.Wait()
		})
	}
}
