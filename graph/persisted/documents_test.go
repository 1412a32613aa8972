package persisted

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

func TestMemoryKeeps(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		reason, document string
		kept             bool
	}{
		{"an ordinary document", "{ chats { edges { node { id } } } }", true},
		{"any characters", "{ a(b: \"\x00 é 𝄞 \r\n\") }", true},
		{"the largest", "{ a } #" + strings.Repeat("x", MaxDocument-7), true},
		{"one byte more", "{ b } #" + strings.Repeat("x", MaxDocument-6), false},
	} {
		t.Run(c.reason, func(t *testing.T) {
			t.Parallel()
			store := NewMemory(0)
			hasNot(t, store, c.document)
			for range 2 { // the second time changes nothing
				put(t, store, c.document)
				if c.kept {
					has(t, store, c.document)
				} else {
					hasNot(t, store, c.document)
				}
			}
			hasNot(t, store, c.document+" ")
		})
	}
	t.Run("many at once", func(t *testing.T) {
		t.Parallel()
		store := NewMemory(0)
		var tasks sync.WaitGroup
		for i := range 8 {
			tasks.Go(func() {
				for j := range 50 {
					document := fmt.Sprintf("{ a%d b%d }", i%4, j)
					put(t, store, document)
					has(t, store, document)
				}
			})
		}
		tasks.Wait()
	})
}

func TestHash(t *testing.T) {
	t.Parallel()
	// The example of GraphQL over HTTP, appendix A.
	const want = "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b"
	if got := Hash("query($id:ID!){user(id:$id){name}}"); got != want {
		t.Errorf("got %s", got)
	}
	for _, c := range []struct {
		reason, text string
		is           bool
	}{
		{"a hash", want, true},
		{"upper case", strings.ToUpper(want), false},
		{"one digit less", want[1:], false},
		{"one digit more", want + "0", false},
		{"no digit", want[:63] + "g", false},
		{"between the digits and the letters of ASCII", want[:63] + ":", false},
		{"another script's digit in the same bytes", want[:62] + "é", false},
		{"nothing", "", false},
	} {
		if IsHash(c.text) != c.is {
			t.Errorf("%s: %t", c.reason, !c.is)
		}
	}
}

func TestParseMode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Mode{"": Off, "off": Off, "log": Log, "enforce": Enforce} {
		if mode, err := ParseMode(text); err != nil || mode != want {
			t.Errorf("%q: %q %v", text, mode, err)
		}
	}
	for _, text := range []string{"on", "ENFORCE", " log", "true"} {
		if mode, err := ParseMode(text); err == nil || !strings.Contains(err.Error(), text) || mode != Off {
			t.Errorf("%q: %q %v", text, mode, err)
		}
	}
}
