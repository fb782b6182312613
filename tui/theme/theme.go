// Package theme defines how everything looks: the styles, built once, and a glyph beside every colour.
// No state is shown by colour alone, so that NO_COLOR and colour blindness hide nothing.
//
// A Style is a pair of SGR sequences that Lip Gloss made. A Row joins styled text by hand and counts
// its cells, at a hundredth of the cost of a Lip Gloss layout. Text of other people enters a Row only as
// sanitize.SafeText. A Theme is read-only and safe for concurrent use.
package theme

import (
	"io"
	"strings"

	"github.com/charmbracelet/bubbles/progress"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/tui/sanitize"
)

// Look describes the terminal's abilities and the user's wishes.
type Look struct {
	Profile termenv.Profile // termenv.Ascii draws no style at all, as NO_COLOR asks
	Light   bool            // a light background
	ASCII   bool            // glyphs of plain ASCII
}

// Theme is a set of styles and glyphs for one Look.
type Theme struct {
	Look
	Glyphs

	Text   Style // messages, and the local peer's name
	Dim    Style // times, rules, hints
	Strong Style // titles of panes without focus, headings
	Accent Style // focus, and whatever wants an answer: nothing else
	Good   Style // verified, passed, here
	Warn   Style // unsigned, late, not saved
	Bad    Style // refused, failed, lost

	Bar       Style // the title bar
	BarStrong Style // the room's name in the title bar
	BarWarn   Style // a problem in the title bar
	Banner    Style // an open vote
	BannerKey Style // the keys that answer a vote
	Selected  Style // the selected row
	Mention   Style // the local peer's name in a message
	Hit       Style // a hit of a search
	New       Style // the divider above unseen messages

	names []Style
	bar   progress.Model // without colours of its own: a caller puts it into any style
}

// Style holds the sequences around a styled text. The zero Style is the terminal's own.
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
		return splitStyle(s)
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
	full, empty := []rune(t.Full.String()), []rune(t.Empty.String())
	t.bar = progress.New(progress.WithFillCharacters(full[0], empty[0]), progress.WithoutPercentage(), progress.WithColorProfile(termenv.Ascii))
	for _, n := range c.names {
		t.names = append(t.names, style(n, "", bold))
	}
	return t
}

// splitStyle takes the sequences of a Lip Gloss style apart.
func splitStyle(s lipgloss.Style) Style {
	on, off, ok := strings.Cut(s.Render("x"), "x")
	if !ok {
		return Style{}
	}
	return Style{on, off}
}

// KeyStyle returns the colour of a key's names. It is the same in every run and on every screen.
func (t *Theme) KeyStyle(key identity.Key) Style { return t.IDStyle(key.String()) }

// IDStyle returns the colour for a peer without a key, by another id of that peer.
func (t *Theme) IDStyle(id string) Style {
	h := uint32(2166136261) // FNV-1a
	for _, b := range []byte(id) {
		h = (h ^ uint32(b)) * 16777619
	}
	return t.names[h%uint32(len(t.names))]
}

// Progress returns a bar of that many cells, the first done of them full.
func (t *Theme) Progress(done, cells int) sanitize.SafeText {
	bar := t.bar
	bar.Width = cells
	return sanitize.Line(bar.ViewAs(float64(done) / float64(cells)))
}
