// Package theme is how everything looks: the styles, built once, and a glyph beside every colour, so
// that no state is told by colour alone (DESIGN.md §7).
//
// A Style is a pair of SGR sequences that Lip Gloss made; a Row puts styled text together by hand and
// keeps count of its cells, which costs a hundredth of what a Lip Gloss layout costs (DESIGN.md §11).
// Text that others wrote can only come in as sanitize.SafeText. A Theme is read-only and safe for
// concurrent use.
package theme

import (
	"io"
	"strings"

	"github.com/charmbracelet/bubbles/progress"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/crypto/identity"
)

// Look is what the terminal can show and what the person asked for.
type Look struct {
	Profile termenv.Profile // colours; termenv.Ascii draws no style at all, as NO_COLOR asks
	Light   bool            // a light background
	ASCII   bool            // glyphs of plain ASCII
}

// Theme is a set of styles and glyphs for one Look.
type Theme struct {
	Look
	Glyphs

	Text   Style // what is said, and one's own name
	Dim    Style // times, rules, hints
	Strong Style // titles of panes without focus, headings
	Accent Style // focus, and what wants an answer: nothing else
	Good   Style // verified, passed, here
	Warn   Style // unsigned, late, not saved
	Bad    Style // refused, failed, lost

	Bar       Style // the title bar
	BarStrong Style // the room's name in it
	BarWarn   Style // what is wrong, in it
	Banner    Style // an open vote
	BannerKey Style // the keys that answer it
	Selected  Style // the selected row
	Mention   Style // one's own name in somebody's line
	Hit       Style // what a search found
	New       Style // the divider above what was not seen

	names []Style
	bar   progress.Model
}

// Style is how text is drawn. The zero Style is the terminal's own.
type Style struct{ on, off string }

// New builds the theme for a look.
func New(look Look) *Theme {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(look.Profile)
	r.SetHasDarkBackground(!look.Light)
	style := func(fg, bg string, more ...func(lipgloss.Style) lipgloss.Style) Style {
		s := r.NewStyle()
		if fg != "" {
			s = s.Foreground(lipgloss.Color(fg))
		}
		if bg != "" {
			s = s.Background(lipgloss.Color(bg))
		}
		for _, m := range more {
			s = m(s)
		}
		return cut(s)
	}
	bold := func(s lipgloss.Style) lipgloss.Style { return s.Bold(true) }
	reverse := func(s lipgloss.Style) lipgloss.Style { return s.Reverse(true) }

	c := dark
	if look.Light {
		c = light
	}
	t := &Theme{
		Look: look, Glyphs: unicode,
		Dim: style(c.dim, ""), Strong: style("", "", bold),
		Accent: style(c.accent, "", bold),
		Good:   style(c.good, ""), Warn: style(c.warn, ""), Bad: style(c.bad, "", bold),
		Bar: style(c.barText, c.bar), BarStrong: style(c.barStrong, c.bar, bold), BarWarn: style(c.barWarn, c.bar, bold),
		Banner: style(c.bannerText, c.banner), BannerKey: style(c.bannerText, c.banner, bold),
		Selected: style("", "", reverse),
		Mention:  style(c.mention, "", bold),
		Hit:      style(c.hitText, c.hit),
		New:      style(c.accent, ""),
	}
	if look.ASCII {
		t.Glyphs = ascii
	}
	t.bar = newBar(t.Glyphs)
	for _, n := range c.names {
		t.names = append(t.names, style(n, "", bold))
	}
	return t
}

// cut takes the sequences of a Lip Gloss style apart.
func cut(s lipgloss.Style) Style {
	on, off, ok := strings.Cut(s.Render("x"), "x")
	if !ok {
		return Style{}
	}
	return Style{on, off}
}

// KeyStyle is the colour of a key's names, the same in every run and at every peer.
func (t *Theme) KeyStyle(key identity.Key) Style { return t.IDStyle(key.String()) }

// IDStyle is the colour for somebody without a key, by another id that is theirs.
func (t *Theme) IDStyle(id string) Style {
	h := uint32(2166136261) // FNV-1a
	for _, b := range []byte(id) {
		h = (h ^ uint32(b)) * 16777619
	}
	return t.names[h%uint32(len(t.names))]
}
