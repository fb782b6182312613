package sanitize

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// nasty lists the pieces of hostile text.
var nasty = []string{
	"\x1b", "\x1b[", "\x1b[31m", "\x1b[2J", "\x1b]0;t\a", "\x1b]52;c;aGk=\x1b\\", "\x1bP", "\x1b_", "\x1b^",
	"\x1bX", "\x1b\\", "\x1bc", "\x1b(0", "\u009b", "\u009b1m", "\u009d", "\u0090", "\u009c", "\x9b", "\x9d",
	"\x00", "\a", "\b", "\t", "\n", "\v", "\f", "\r", "\r\n", "\x0e", "\x7f", "\u0085", "\u2028", "\u2029",
	"\u202a", "\u202e", "\u202c", "\u2066", "\u2069", "\u200e", "\u061c", "\u200b", "\u200c", "\u200d",
	"\u2060", "\ufeff", "\u00ad", "\u034f", "\U000e0041", "\U000e007f", "\ufe0f", "\ufe0e", "\ufe00",
	"\U000e0100", "\u180b", "\u0301", "\u20e3", "\u0335", "\u0903", "\u094d", "\u0e33", "\uff9e", "\uff76",
	"\u0600", "\u06dd", "\u0d4e", "\u1100", "\u1161", "\u11a8", "가", "\u3164", "\u2800", "\ue000",
	"\ufdd0", "\xff", "\xc3", "\xed\xa0\x80", "\U0001f3f4", "\U0001f3fd", "\U0001f1e6", "👩", "❤", "✓",
	"·", "·91c0", "(you)", "●", "a", "1", "#", " ", "क", "ه", "ᠮ", "日", "é", "[", "31m", ";", "(", ")",
	"you", "\u00a0", "\u3000",
}

// hostile draws text made of such pieces and of anything else.
func hostile(t *rapid.T) string {
	piece := rapid.OneOf(rapid.SampledFrom(nasty), rapid.SampledFrom(nasty), rapid.SampledFrom(realText), rapid.String())
	return strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(t, "text"), "")
}

func checkLine(t *testing.T, s string) {
	t.Helper()
	out := Line(s).String()
	checkSafe(t, s, out, false)
	if again := Line(out).String(); again != out {
		t.Fatalf("Line(%+q) = %+q, then %+q", s, out, again)
	}
	if again := Block(out).String(); again != out {
		t.Fatalf("Line(%+q) = %+q, Block of that %+q", s, out, again)
	}
}

func checkBlock(t *testing.T, s string) {
	t.Helper()
	out := Block(s).String()
	checkSafe(t, s, out, true)
	if again := Block(out).String(); again != out {
		t.Fatalf("Block(%+q) = %+q, then %+q", s, out, again)
	}
}

func checkName(t *testing.T, s string) {
	t.Helper()
	out := Name(s).String()
	checkSafe(t, s, out, false)
	if again := Name(out).String(); again != out {
		t.Fatalf("Name(%+q) = %+q, then %+q", s, out, again)
	}
	if len(out) > MaxName || out == "" || strings.TrimSpace(out) != out || strings.Contains(out, "  ") {
		t.Fatalf("Name(%+q) = %+q", s, out)
	}
	for _, m := range []string{"✓", "⚠", "✗", "⟲", "●", "◐", "○", "⊘", "▍", "▸", "·91c0", "(you)"} {
		if strings.Contains(out, m) {
			t.Fatalf("Name(%+q) = %+q wears %s", s, out, m)
		}
	}
}

func TestHostileMixtures(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := hostile(rt)
		checkLine(t, s)
		checkBlock(t, s)
		checkName(t, s)
	})
}

func seed(f *testing.F) {
	for _, s := range realText {
		f.Add(s)
	}
	f.Add(strings.Join(nasty, ""))
}

func FuzzLine(f *testing.F)  { seed(f); f.Fuzz(func(t *testing.T, s string) { checkLine(t, s) }) }
func FuzzBlock(f *testing.F) { seed(f); f.Fuzz(func(t *testing.T, s string) { checkBlock(t, s) }) }
func FuzzName(f *testing.F)  { seed(f); f.Fuzz(func(t *testing.T, s string) { checkName(t, s) }) }
