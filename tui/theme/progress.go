package theme

import (
	"github.com/charmbracelet/bubbles/progress"
	"github.com/muesli/termenv"

	"chat.lan/p2pchat/tui/sanitize"
)

// newBar returns the progress bar of Bubbles that Progress draws, with the glyphs of the theme. It has no
// colours of its own, so that a caller can put it into any style.
func newBar(g Glyphs) progress.Model {
	full, empty := []rune(g.Full.String()), []rune(g.Empty.String())
	return progress.New(progress.WithFillCharacters(full[0], empty[0]), progress.WithoutPercentage(), progress.WithColorProfile(termenv.Ascii))
}

// Progress returns a bar of that many cells, the first done of them full.
func (t *Theme) Progress(done, cells int) sanitize.SafeText {
	bar := t.bar
	bar.Width = cells
	return sanitize.Line(bar.ViewAs(float64(done) / float64(cells)))
}
