package lookalike

import (
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestSkeleton(t *testing.T) {
	for _, same := range [][]string{
		{"bob", "BOB", "b0b", "bоb", "ｂｏｂ", "𝓫𝓸𝓫", "bób"},
		{"alice", "аlісе", "aIice", "a1ice", "Αlice"},
		{"Вова", "вова"}, {"Νίκος", "νίκος", "ΝΊΚΟΣ"}, {"straße", "STRASSE"}, {"ﬁn", "fin"},
		{"modern", "modem"}, {"علی\u200Cرضا", "علیرضا"},
	} {
		for _, s := range same[1:] {
			if Skeleton(s) != Skeleton(same[0]) {
				t.Errorf("%q looks like %q, %q like %q", same[0], Skeleton(same[0]), s, Skeleton(s))
			}
		}
	}
	for _, s := range [][2]string{{"bob", "rob"}, {"कि", "कु"}, {"李", "王"}, {"anna", "anne"}, {"שרה", "שרי"}} {
		if Skeleton(s[0]) == Skeleton(s[1]) {
			t.Errorf("%q and %q both look like %q", s[0], s[1], Skeleton(s[0]))
		}
	}
}

// What a screen would show as Bob claims Bob's name, whatever is around it.
func TestClaim(t *testing.T) {
	for _, same := range [][]string{
		{"bob", "Bob", "b0b", "bоb", " b o b ", "b.o.b", "✓ bob", "@bob", "bob·91c0", "bob•91C0", "bob-04fe", "bob (you)", "(YOU)bob",
			"b\u200bo\u2060b", "bo\u3164b", "b\u034fob", "bob\xff", "bob!", "🔒bob"},
		{"Bob Smith", "bobsmith", "Bob-Smith"}, {"李", "李·0000"},
	} {
		for _, s := range same[1:] {
			if Claim(s) != Claim(same[0]) {
				t.Errorf("%q claims %q, %q claims %q", same[0], Claim(same[0]), s, Claim(s))
			}
		}
	}
	for _, s := range [][2]string{{"bob", "bobby"}, {"bob", "rob"}, {"bob", "bob 2"}, {"!!!", "???"}, {"कि", "कु"}, {"10.0.0.7:4000", "10.0.0.8:4000"}, {"bob·91c", "bob"}} {
		if Claim(s[0]) == Claim(s[1]) {
			t.Errorf("%q and %q both claim %q", s[0], s[1], Claim(s[0]))
		}
	}
	for _, s := range []string{"!!!", "·91c0", "(you)", "\u200b", "a"} {
		if Claim(s) == "" {
			t.Errorf("%q claims nothing", s)
		}
	}
}

// Fold knows case and width, and leaves letters that only look alike.
func TestFold(t *testing.T) {
	for in, want := range map[string]string{"BOB": "bob", "ｂｏｂ": "bob", "Straße": "strasse", "b0b": "b0b", "вов": "вов", "ﬁn": "fin"} {
		if got := Fold(in); got != want {
			t.Errorf("%q folds to %q, want %q", in, got, want)
		}
	}
}

// A name in ASCII is folded as any other, only faster.
func TestFoldInASCII(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.RuneFrom(nil, &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0, Hi: 0x7F, Stride: 1}}})).Draw(t, "name")
		if got, want := Fold(s), cases.Fold().String(norm.NFKC.String(s)); got != want {
			t.Errorf("Fold(%q) is %q, want %q", s, got, want)
		}
	})
}

// A name claims itself whatever its bytes are, and a long one is as cheap as one that fits.
func TestClaimOfAnything(t *testing.T) {
	for _, s := range []string{"b\xffb", "\u0345", "İ", "ﬃ·abcd", "a·b·ffff", "(you)(you)", "日本語"} {
		if Claim(s) == "" || Claim(s) != Claim(s+" ") {
			t.Errorf("%q claims %q, with a space after it %q", s, Claim(s), Claim(s+" "))
		}
	}
	long := strings.Repeat("a", 1<<20)
	if got := Claim(long); len(got) != maxClaim {
		t.Errorf("a name of 1 MiB claims %d bytes", len(got))
	}
	if cut := Claim(strings.Repeat("é", maxClaim)); cut != strings.Repeat("e", maxClaim/2) {
		t.Errorf("a name cut in the middle of a letter claims %q", cut)
	}
}
