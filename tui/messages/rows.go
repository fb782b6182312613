package messages

import (
	"strconv"

	"chat.lan/p2pchat/tui/sanitize"
)

// Rows draws the pane: exactly as many rows as it is high, none wider than it is wide. The slice is
// valid until the next call.
func (p *Pane) Rows() []string {
	v := &p.viewport
	v.update()
	if !v.redraw && len(p.rows) == v.height {
		return p.rows
	}
	v.redraw = false
	p.renderer.cache.startRound(v.height)
	rows := p.rows[:0]
	if len(p.log.entries) <= v.floor {
		rows = p.renderer.appendHints(rows)
	} else {
		rows = p.renderer.appendVisible(rows)
	}
	for len(rows) < v.height {
		rows = append(rows, "")
	}
	p.rows = rows[:v.height]
	return p.rows
}

// appendVisible appends the rows of the entries on the screen.
func (r *renderer) appendVisible(rows []string) []string {
	v := r.viewport.visible
	for range v.blank {
		rows = append(rows, "")
	}
	skip, most := v.skip, r.viewport.height
	if v.notice {
		most--
	}
	for i := v.top; i <= v.last && len(rows) < most; i++ {
		first := len(rows)
		separators := r.separatorHeight(i)
		if skip < separators {
			rows = r.appendSeparators(rows, i)
		} else {
			skip -= separators
		}
		// At the top of the screen the name is shown even within a group: else it would be unseen.
		rows = append(rows, r.entryRows(i, i == v.top)...)
		if skip > 0 {
			rows = append(rows[:first], rows[first+skip:]...)
			skip = 0
		}
	}
	rows = rows[:min(len(rows), most)]
	if v.notice {
		rows = append(rows, r.belowRow())
	}
	return rows
}

// belowRow draws the last row while the end isn't shown: "── 12 new below · End ──".
func (r *renderer) belowRow() string {
	t, v := r.cfg.Theme, r.viewport
	style, text := t.Dim, formatCount(len(r.log.entries)-1-v.visible.seen)+" more"
	if v.below > 0 {
		style, text = t.Accent, formatCount(v.below)+" new below"
	} else if r.focus {
		style = t.Text
	}
	if v.visible.seen == len(r.log.entries)-1 {
		text = "more"
	}
	note := sanitize.Concat(t.HRule, t.HRule, sanitize.Line(" "+text+" "), t.Dot, sanitize.Trusted(" End "), t.HRule, t.HRule)
	return t.Row(r.columns.end).Space(t.Text, r.columns.rule).Put(style, note).String()
}

// appendHints appends what to do while there is nothing to show.
func (r *renderer) appendHints(rows []string) []string {
	t, height := r.cfg.Theme, r.viewport.height
	hints := []sanitize.SafeText{sanitize.Trusted("Nothing was said yet."), sanitize.Trusted("Write below; Enter sends it to everyone here.")}
	if r.viewport.floor > 0 {
		hints = []sanitize.SafeText{sanitize.Trusted("Cleared. PgUp brings it back.")}
	}
	if height > 2 {
		rows = append(rows, "")
	}
	for _, hint := range hints {
		rows = append(rows, t.Row(r.width).Wrap(r.columns.rule, max(r.width-2*r.columns.rule, 2), t.Dim, hint)...)
	}
	return rows[:min(len(rows), height)]
}

// formatCount writes a count with its thousands apart.
func formatCount(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + " " + s[i:]
	}
	return s
}
