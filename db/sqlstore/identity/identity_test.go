package identity

import "testing"

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Identity{
		"":                   {},
		"7/00000001/16384/9": {System: "7", Timeline: "00000001", Database: "16384", Table: "9"},
		"//16384/9":          {Database: "16384", Table: "9"},
	} {
		if got := Parse(text); got != want || got.String() != text {
			t.Errorf("%q reads %+v and is written %q", text, got, got.String())
		}
	}
	if got := Parse("16384/9"); got != (Identity{Database: "16384", Table: "9"}) {
		t.Errorf("what earlier versions wrote reads %+v", got)
	}
	if !Parse("another").Differs(Parse("//16384/9")) {
		t.Error("what cannot be read is taken for the same")
	}
}

// TestOnlyWhatBothKnow: a part that one of two does not know decides nothing.
func TestOnlyWhatBothKnow(t *testing.T) {
	t.Parallel()
	full, part := Parse("7/00000001/16384/9"), Parse("//16384/9")
	for _, test := range []struct {
		reason  string
		a, b    Identity
		differ  bool
		adopted string
	}{
		{"the same", full, full, false, full.String()},
		{"the other knows less", full, part, false, full.String()},
		{"the other knows more", part, full, false, full.String()},
		{"nothing was known", Identity{}, full, false, full.String()},
		{"another cluster", full, Parse("8/00000001/16384/9"), true, full.String()},
		{"promoted", full, Parse("7/00000002/16384/9"), true, full.String()},
		{"restored beside it", part, Parse("//16385/9"), true, part.String()},
		{"restored over it, by one who knows more", part, Parse("7/00000001/16384/10"), true, "7/00000001/16384/9"},
	} {
		if got := test.a.Differs(test.b); got != test.differ || test.b.Differs(test.a) != test.differ {
			t.Errorf("%s: differs: %t", test.reason, got)
		}
		if got := test.a.Adopt(test.b).String(); got != test.adopted {
			t.Errorf("%s: adopted %s, want %s", test.reason, got, test.adopted)
		}
	}
}
