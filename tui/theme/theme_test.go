package theme_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"pgregory.net/rapid"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// A row never exceeds its cells, and counts them right.
func TestRowNeverOverflows(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.ANSI256})
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(0, 40).Draw(t, "most")
		r := th.Row(most)
		for range rapid.IntRange(0, 6).Draw(t, "parts") {
			text := sanitize.Line(rapid.StringOf(rapid.SampledFrom([]rune("ab 日本é👩\u200d🚀🇩🇪x\u0301"))).Draw(t, "text"))
			switch rapid.IntRange(0, 4).Draw(t, "how") {
			case 0:
				r.Put(th.Accent, text)
			case 1:
				r.PutWithin(th.Dim, text, rapid.IntRange(0, 12).Draw(t, "within"))
			case 2:
				r.PadTo(th.Bar, rapid.IntRange(0, 50).Draw(t, "to"))
			case 3:
				r.FillTo(th.Dim, th.HRule, rapid.IntRange(0, 50).Draw(t, "rule"))
			case 4:
				r.MoveTo(th.Text, rapid.IntRange(0, 50).Draw(t, "at"))
			}
		}
		if w := ansi.StringWidth(r.String()); w > most || w != r.Width() {
			t.Fatalf("a row of %d cells takes %d and counted %d: %q", most, w, r.Width(), r.String())
		}
	})
}

func TestNoColorDrawsNoSequence(t *testing.T) {
	th := theme.New(theme.Look{Profile: termenv.Ascii})
	r := th.Row(40).Put(th.Bad, sanitize.Trusted("bad")).Space(th.Bar, 3).Put(th.Selected, sanitize.Trusted("sel"))
	if got := r.String(); strings.Contains(got, "\x1b") {
		t.Errorf("without colours a row is %q", got)
	}
}

func TestGlyphsAreOneCell(t *testing.T) {
	for _, look := range []theme.Look{{}, {ASCII: true}} {
		g := theme.New(look).Glyphs
		for _, s := range []sanitize.SafeText{g.Signed, g.Unsigned, g.Refused, g.LateLine, g.Blocked, g.Here, g.Late, g.Lost, g.Pending,
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
		id := identity.New()
		s := th.KeyStyle(id.Key())
		if s != th.KeyStyle(id.Key()) {
			t.Fatal("a key has two colours")
		}
		colours[s] = true
	}
	if len(colours) < 20 {
		t.Errorf("200 keys share %d colours", len(colours))
	}
}

// Every colour of a name has a contrast of at least 4.5 by WCAG 2, on white and on a dark grey. The grey
// is lighter than most dark backgrounds.
func TestNamesCanBeRead(t *testing.T) {
	for _, c := range []struct {
		light bool
		back  [3]float64
	}{{false, [3]float64{0x26, 0x26, 0x26}}, {true, [3]float64{255, 255, 255}}} {
		th := theme.New(theme.Look{Profile: termenv.ANSI256, Light: c.light})
		colours := map[theme.Style]string{}
		for i := range 2000 {
			s := th.IDStyle(fmt.Sprint(i))
			colours[s] = s.Render(sanitize.Trusted("x"))
		}
		if len(colours) < 24 {
			t.Errorf("light=%v: 2,000 names share %d colours", c.light, len(colours))
		}
		for _, painted := range colours {
			_, rest, ok := strings.Cut(painted, "38;5;")
			number, _, _ := strings.Cut(rest, "m")
			n, err := strconv.Atoi(number)
			if !ok || err != nil || n < 16 || n > 231 {
				t.Fatalf("no colour of the cube: %q", painted)
			}
			level := [...]float64{0, 95, 135, 175, 215, 255}
			n -= 16
			if got := contrast([3]float64{level[n/36], level[n/6%6], level[n%6]}, c.back); got < 4.5 {
				t.Errorf("light=%v: the contrast of colour %d is %.1f", c.light, n+16, got)
			}
		}
	}
}

// contrast returns the contrast of WCAG 2, from 1 to 21.
func contrast(a, b [3]float64) float64 {
	luminance := func(c [3]float64) (sum float64) {
		for i, share := range [...]float64{0.2126, 0.7152, 0.0722} {
			if v := c[i] / 255; v <= 0.03928 {
				sum += share * v / 12.92
			} else {
				sum += share * math.Pow((v+0.055)/1.055, 2.4)
			}
		}
		return sum
	}
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestProgress(t *testing.T) {
	for _, test := range []struct {
		look        theme.Look
		done, cells int
		want        string
	}{
		{theme.Look{Profile: termenv.ANSI256}, 0, 4, "░░░░"},
		{theme.Look{Profile: termenv.ANSI256}, 7, 10, "▓▓▓▓▓▓▓░░░"},
		{theme.Look{Profile: termenv.Ascii, ASCII: true}, 3, 8, "###....."},
		{theme.Look{Profile: termenv.Ascii, ASCII: true}, 8, 8, "########"},
	} {
		if got := theme.New(test.look).Progress(test.done, test.cells).String(); got != test.want {
			t.Errorf("%d of %d: %q, want %q", test.done, test.cells, got, test.want)
		}
	}
}

// paint returns x in a style.
func paint(s theme.Style) string { return s.Render(sanitize.Trusted("x")) }

// Each background has colours of its own, and styles that mean different things look different.
func TestColoursOfBothBackgrounds(t *testing.T) {
	styles := func(light bool) map[string]theme.Style {
		th := theme.New(theme.Look{Profile: termenv.ANSI256, Light: light})
		return map[string]theme.Style{
			"text": th.Text, "dim": th.Dim, "accent": th.Accent, "good": th.Good, "warn": th.Warn, "bad": th.Bad,
			"bar": th.Bar, "banner": th.Banner, "mention": th.Mention, "hit": th.Hit, "selected": th.Selected,
		}
	}
	dark, light := styles(false), styles(true)
	for _, all := range []map[string]theme.Style{dark, light} {
		names := map[theme.Style]string{}
		for name, s := range all {
			if other := names[s]; other != "" {
				t.Errorf("%s and %s look alike: %q", name, other, paint(s))
			}
			names[s] = name
		}
	}
	for name := range dark {
		fixed := name == "text" || name == "selected" || name == "hit" // the terminal's own, and black on yellow
		if same := dark[name] == light[name]; same != fixed {
			t.Errorf("%s is %q on dark and %q on light", name, paint(dark[name]), paint(light[name]))
		}
	}
	if th := theme.New(theme.Look{Profile: termenv.ANSI256}); paint(th.Text) != "x" {
		t.Errorf("text isn't in the terminal's own colours: %q", paint(th.Text))
	}
}

// A terminal of 16 colours gets sequences of those only.
func TestSixteenColours(t *testing.T) {
	for _, light := range []bool{false, true} {
		th := theme.New(theme.Look{Profile: termenv.ANSI, Light: light})
		for _, s := range []theme.Style{th.Dim, th.Accent, th.Good, th.Warn, th.Bad, th.Bar, th.Banner, th.Hit, th.IDStyle("bob")} {
			if got := paint(s); strings.Contains(got, "8;5;") || !strings.Contains(got, "\x1b[") {
				t.Errorf("light=%v: %q", light, got)
			}
		}
	}
}
