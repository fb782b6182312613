package sanitize

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestName(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"bob", "bob"},
		{"  bob\t\nthe   builder ", "bob the builder"},
		{"", "?"}, {" \u3164\u200B\r", "?"}, {"✓", "?"},
		{"\x1b[31mbob\x1b[0m", "bob"},
		{"bob ✓", "bob"}, {"⚠✗⟲●◐○⊘▍▸bob›", "bob"}, {"bob ✅🔒✔️", "bob"},
		{"│ bob ──", "bob"},
		{"bob·91c0", "bob 91c0"}, {"bob•91C0ab", "bob 91C0ab"}, {"bob·\u200B91c0", "bob 91c0"},
		{"bob·91с0", "bob 91с0"}, // a Cyrillic с
		{"bob·\u0323bade", "bob \u0062ade"},
		{"bob·✓91c0", "bob 91c0"},
		{"Marcel·lí", "Marcel·lí"}, {"a·b", "a·b"},
		{"Alice (you)", "Alice"}, {"Alice (Y(you)ou)", "Alice"},
		{"@bob", "bob"}, {"@ @b@b", "b@b"}, {"@", "?"}, {"(you)@\u0301bob", "bob"},
		{"Zoë", "Zoë"}, {"李雷", "李雷"}, {"علی\u200Cرضا", "علی\u200Cرضا"}, {"👩🏽\u200D🚀", "👩🏽\u200D🚀"},
		{strings.Repeat("x", 70), strings.Repeat("x", 64)},
		{strings.Repeat("日", 30), strings.Repeat("日", 21)},
		{strings.Repeat("x", 60) + "👩🏽\u200D🚀", strings.Repeat("x", 60)},
		{strings.Repeat("x", 63) + " y", strings.Repeat("x", 63)},
		{strings.Repeat("x", 58) + "·91c0yzzz", strings.Repeat("x", 58) + " 91c0y"},
	} {
		got := Name(tc.in).String()
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("Name(%q) (-want +got):\n%s", tc.in, d)
		}
		if again := Name(got).String(); again != got {
			t.Errorf("Name(%q) = %q, then %q", tc.in, got, again)
		}
	}
}
