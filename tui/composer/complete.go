package composer

import "chat.lan/p2pchat/tui/sanitize"

// Candidate is a completion.
type Candidate struct {
	Line  string // the text before the cursor once it is chosen
	Label sanitize.SafeText
	Help  sanitize.SafeText // may be empty
}

// maxList is the greatest height of the list, in candidates.
const maxList = 8

// list holds the candidates on offer.
type list struct {
	items  []Candidate
	chosen int    // index in items, -1 for none
	tail   string // the text behind the cursor
	closed bool   // closed with Esc, until Tab or until the text is empty
}

// offer asks for completions of the text as it is now.
func (p *Pane) offer(asked bool) {
	if p.list.closed && !asked && p.e.text != "" {
		return
	}
	p.list = list{chosen: -1}
	if p.cfg.Complete == nil || p.e.text == "" {
		return
	}
	p.list.items = p.cfg.Complete(p.e.text[:p.e.at], asked)
	p.list.tail = p.e.text[p.e.at:]
	if !asked && len(p.list.items) == 1 && p.list.items[0].Line == p.e.text[:p.e.at] {
		p.list.items = nil // the text is complete already
	}
}

// Complete carries out Tab (step 1) or Shift+Tab (step -1): it puts the first candidate into the text,
// and at each further call the next. It reports false if there is none.
func (p *Pane) Complete(step int) bool {
	l := &p.list
	if l.chosen < 0 {
		p.offer(true)
	}
	n := len(l.items)
	if n == 0 {
		return false
	}
	if l.chosen < 0 && step < 0 {
		l.chosen = n
	}
	l.chosen = (l.chosen + step + n) % n
	p.e.splice(l.items[l.chosen].Line, l.tail)
	p.history.leave()
	if n == 1 {
		p.offer(false) // a single candidate is final: offer what follows it
	}
	return true
}

// CloseList closes the list, as Esc does, and reports whether it was open.
func (p *Pane) CloseList() bool {
	if len(p.list.items) == 0 {
		return false
	}
	p.list = list{closed: true}
	return true
}

// ListHeight returns how many rows the list takes.
func (p *Pane) ListHeight() int { return min(len(p.list.items), maxList) }

// ListRows draws the list, in rows of width cells.
func (p *Pane) ListRows(width int) []string {
	t, l := p.cfg.Theme, &p.list
	n := p.ListHeight()
	if n == 0 {
		return nil
	}
	top := max(0, min(l.chosen-n/2, len(l.items)-n))
	column := 0
	for _, c := range l.items {
		column = max(column, c.Label.Width())
	}
	column = min(column, max(width/2, 16))
	rows := make([]string, n)
	for y := range rows {
		c, style, mark := l.items[top+y], t.Text, sanitize.Trusted(" ")
		dim := t.Dim
		if top+y == l.chosen {
			style, dim, mark = t.Selected, t.Selected, t.Selection
		}
		r := t.Row(width).Put(t.Accent, mark).Space(style, 1)
		r.PutWithin(style, c.Label, column).PadTo(style, column+4)
		r.Put(dim, c.Help)
		if y == n-1 && top+n < len(l.items) {
			more := sanitize.Linef("%d more", len(l.items)-top-n)
			if at := width - more.Width() - 1; at > r.Width() {
				r.PadTo(t.Text, at).Put(t.Dim, more)
			}
		}
		rows[y] = r.PadTo(style, width).String()
	}
	return rows
}
