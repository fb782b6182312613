package messages

import (
	"strconv"

	"chat.lan/p2pchat/tui/sanitize"
)

// Rows draws the pane: exactly as many rows as it is high, none wider than it is wide. The slice is
// valid until the next call.
func (p *Pane) Rows() []string {
	p.look()
	if !p.redraw && len(p.rows) == p.h {
		return p.rows
	}
	p.redraw = false
	p.bodies.next(p.h)
	v := p.view
	rows := p.rows[:0]
	if len(p.log.entries) <= p.floor {
		rows = p.emptyRows(rows)
	} else {
		for range v.blank {
			rows = append(rows, "")
		}
		skip, most := v.skip, p.h
		if v.notice {
			most--
		}
		for i := v.top; i <= v.last && len(rows) < most; i++ {
			first := len(rows)
			between := p.between(i)
			if skip < between {
				rows = p.betweenRows(rows, i)
			} else {
				skip -= between
			}
			// Whoever reads on from the top of the screen wants to know whose words those are.
			rows = append(rows, p.body(i, i == v.top)...)
			if skip > 0 {
				rows = append(rows[:first], rows[first+skip:]...)
				skip = 0
			}
		}
		rows = rows[:min(len(rows), most)]
		if v.notice {
			rows = append(rows, p.notice())
		}
	}
	for len(rows) < p.h {
		rows = append(rows, "")
	}
	p.rows = rows[:p.h]
	return p.rows
}

// notice is the last row while the end isn't shown: "── 12 new below · End ──".
func (p *Pane) notice() string {
	t := p.cfg.Theme
	style := t.Dim
	text := sanitize.Linef("%s more", number(len(p.log.entries)-1-p.view.seen))
	if p.below > 0 {
		style = t.Accent
		text = sanitize.Linef("%s new below", number(p.below))
	} else if p.focus {
		style = t.Text
	}
	if p.view.seen == len(p.log.entries)-1 {
		text = sanitize.Trusted("more")
	}
	space, rule := sanitize.Trusted(" "), sanitize.Concat(t.HRule, t.HRule)
	return t.Row(p.cols.end).Space(t.Text, p.cols.rule).Put(style, sanitize.Concat(rule, space, text, space, t.Dot, space,
		sanitize.Trusted("End"), space, rule)).String()
}

// emptyRows say what would be here.
func (p *Pane) emptyRows(rows []string) []string {
	t := p.cfg.Theme
	hints := []sanitize.SafeText{sanitize.Trusted("Nothing was said yet."), sanitize.Trusted("Write below; Enter sends it to everybody here.")}
	if p.floor > 0 {
		hints = []sanitize.SafeText{sanitize.Trusted("Cleared. PgUp brings it back.")}
	}
	if p.h > 2 {
		rows = append(rows, "")
	}
	for _, hint := range hints {
		for _, part := range hint.Wrap(max(p.w-2*p.cols.rule, 2)) {
			rows = append(rows, t.Row(p.w).Space(t.Text, p.cols.rule).Put(t.Dim, part).String())
		}
	}
	return rows[:min(len(rows), p.h)]
}

// number writes a count with its thousands apart.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
