package theme

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"chat.lan/p2pchat/tui/sanitize"
)

// Row composes a row of the screen, and never exceeds its cells. It is not safe for concurrent use.
type Row struct {
	b     strings.Builder
	cells int // taken
	most  int
	tail  sanitize.SafeText
}

// Row begins a row of at most that many cells. Text that doesn't fit is cut with the ellipsis.
func (t *Theme) Row(cells int) *Row {
	r := &Row{most: max(cells, 0), tail: t.Ellipsis}
	r.b.Grow(r.most + 64) // enough for most rows with their sequences: an allocation instead of seven
	return r
}

// PaneTitle begins the row at the top of a pane, which shows whether the pane has the focus.
func (t *Theme) PaneTitle(cells int, focus bool, title sanitize.SafeText) *Row {
	if focus {
		return t.Row(cells).Put(t.Accent, t.Focus).Put(t.Accent, title)
	}
	return t.Row(cells).Space(t.Text, 1).Put(t.Strong, title)
}

// Put adds text, cut to the cells that are left. A full row takes more text and ignores it.
func (r *Row) Put(s Style, text sanitize.SafeText) *Row {
	return r.PutWithin(s, text, r.Left())
}

// PutWithin adds text, cut to at most that many cells.
func (r *Row) PutWithin(s Style, text sanitize.SafeText, cells int) *Row {
	cells = min(cells, r.Left())
	if cells <= 0 || text.IsEmpty() {
		return r
	}
	w := text.Width()
	if w > cells {
		text = text.Cut(cells, r.tail)
		w = text.Width()
	}
	r.b.WriteString(s.on)
	r.b.WriteString(text.String())
	r.b.WriteString(s.off)
	r.cells += w
	return r
}

// Wrap puts text, wrapped at that many cells, in column x of the row and of further rows. It returns
// all of these rows.
func (r *Row) Wrap(x, cells int, s Style, text sanitize.SafeText) (rows []string) {
	parts := text.Wrap(cells)
	rows = make([]string, 0, len(parts))
	for i, part := range parts {
		if i > 0 {
			r = &Row{most: r.most, tail: r.tail}
		}
		rows = append(rows, r.PadTo(Style{}, x).Put(s, part).String())
	}
	return rows
}

// Space adds n blank cells in a style.
func (r *Row) Space(s Style, n int) *Row {
	return r.FillTo(s, sanitize.Trusted(" "), r.cells+n)
}

// PadTo adds blank cells up to column x.
func (r *Row) PadTo(s Style, x int) *Row { return r.Space(s, x-r.cells) }

// MoveTo pads as PadTo does, and moves the cursor to column x as well. The text after it so stays in
// line where the terminal disagrees about the width of an emoji before it. Only rows that begin at the
// screen's left edge may use it.
func (r *Row) MoveTo(s Style, x int) *Row {
	if r.PadTo(s, x).cells == x && x < r.most {
		r.b.WriteString(ansi.CursorHorizontalAbsolute(x + 1))
	}
	return r
}

// FillTo fills the row up to column x with a glyph of one cell.
func (r *Row) FillTo(s Style, glyph sanitize.SafeText, x int) *Row {
	n := min(x, r.most) - r.cells
	if n <= 0 {
		return r
	}
	r.b.WriteString(s.on)
	for range n {
		r.b.WriteString(glyph.String())
	}
	r.b.WriteString(s.off)
	r.cells += n
	return r
}

// Width returns how many cells are taken.
func (r *Row) Width() int { return r.cells }

// Left returns how many cells are left.
func (r *Row) Left() int { return r.most - r.cells }

// String returns the row with its control sequences.
func (r *Row) String() string { return r.b.String() }

// Render returns text in a style.
func (s Style) Render(text sanitize.SafeText) string {
	if text.IsEmpty() {
		return ""
	}
	return s.on + text.String() + s.off
}
