package theme_test

import (
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/theme"
)

// Whatever is put into a row, it takes no more cells than it has, and counts them right.
func TestRowNeverOverflows(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.ANSI256})
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 40).Draw(t, "most")
		r := th.Row(most)
		for range rapid.IntRange(0, 6).Draw(t, "parts") {
			text := clean.Line(rapid.StringOf(rapid.SampledFrom([]rune("ab 日本é👩\u200d🚀🇩🇪x\u0301"))).Draw(t, "text"))
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0:
				r.Put(th.Accent, text)
			case 1:
				r.PutWithin(th.Dim, text, rapid.IntRange(0, 12).Draw(t, "within"))
			case 2:
				r.To(th.Bar, rapid.IntRange(0, 50).Draw(t, "to"))
			case 3:
				r.Rule(th.Dim, th.HRule, rapid.IntRange(0, 50).Draw(t, "rule"))
			case 4:
				r.At(th.Text, rapid.IntRange(0, 50).Draw(t, "at"))
			}
		}
		if w := ansi.StringWidth(r.String()); w > most || w != r.Width() {
			t.Fatalf("a row of %d cells takes %d and counted %d: %q", most, w, r.Width(), r.String())
		}
	})
}

func TestNoColorDrawsNoSequence(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.Ascii})
	r := th.Row(40).Put(th.Bad, clean.Trusted("bad")).Space(th.Bar, 3).Put(th.Selected, clean.Trusted("sel"))
	if got := r.String(); strings.Contains(got, "\x1b") {
		t.Errorf("without colours a row is %q", got)
	}
}

func TestGlyphsAreOneCell(t *testing.T) {
	for _, look := range []theme.Look{{}, {ASCII: true}} {
		g := theme.New(look).Glyphs
		for _, s := range []clean.SafeText{g.Signed, g.Unsigned, g.Refused, g.LateLine, g.Blocked, g.Here, g.Late, g.Lost, g.Pending,
			g.Focus, g.Selection, g.Prompt, g.HRule, g.VRule, g.TeeDown, g.TeeUp, g.Tee, g.Full, g.Empty, g.Dot, g.Up, g.Down, g.Ellipsis} {
			if s.Width() != 1 {
				t.Errorf("ascii=%v: %q takes %d cells", look.ASCII, s.String(), s.Width())
			}
			if look.ASCII && s.String()[0] >= 0x80 {
				t.Errorf("%q is no ASCII", s.String())
			}
		}
	}
}

func TestANameKeepsItsColour(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.ANSI256})
	colours := map[theme.Style]bool{}
	for range 200 {
		id, err := identity.New()
		if err != nil {
			t.Fatal(err)
		}
		s := th.Name(id.Key())
		if s != th.Name(id.Key()) {
			t.Fatal("a key has two colours")
		}
		colours[s] = true
	}
	if len(colours) < 8 {
		t.Errorf("200 keys share %d colours", len(colours))
	}
}
