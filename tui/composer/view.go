package composer

import "chat.lan/p2pchat/tui/sanitize"

// margin counts the cells before the text: " › ", or as many blanks.
const margin = 3

// Height returns how many rows the composer wants at that width.
func (p *Pane) Height(width int) int {
	p.e.width = textWidth(width)
	n := len(wrap(p.e.text, p.e.width))
	if len(p.folded) > 0 {
		n++
	}
	return min(max(n, 1), MaxRows)
}

// textWidth returns the cells for text. It leaves room for the margin and, behind a full row, for the
// cursor.
func textWidth(width int) int { return max(width-margin-1, 2) }

// Rows draws the composer in height rows of width cells, and returns where in them the cursor is.
func (p *Pane) Rows(width, height int) (rows []string, x, y int) {
	p.e.width = textWidth(width)
	t := p.cfg.Theme
	spans := wrap(p.e.text, p.e.width)
	at := rowOf(spans, p.e.at)
	room := height
	if len(p.folded) > 0 && room > 1 {
		room--
	}
	// Scroll only as far as the cursor needs.
	p.top = min(max(p.top, at-room+1), at, max(len(spans)-room, 0))
	p.top = max(p.top, 0)

	for i := range height {
		r := t.Row(width)
		prompt := t.Dim
		if p.focus {
			prompt = t.Accent
		}
		if i == 0 && p.top == 0 {
			r.Space(t.Text, 1).Put(prompt, t.Prompt).Space(t.Text, 1)
		} else if i == 0 {
			r.Space(t.Text, 1).Put(t.Dim, t.Up).Space(t.Text, 1)
		} else {
			r.Space(t.Text, margin)
		}
		n := p.top + i
		switch {
		case i < room && n < len(spans):
			r.Put(t.Text, sanitize.Line(p.e.text[spans[n].start:spans[n].end]))
			if p.IsEmpty() {
				r.Put(t.Dim, p.cfg.Hint)
			}
		case i >= room && len(p.folded) > 0:
			r.Put(t.Dim, p.foldedText())
		}
		rows = append(rows, r.PadTo(t.Text, width).String())
	}
	x = margin + countCells(p.e.text[spans[at].start:p.e.at])
	return rows, min(x, width-1), at - p.top
}
