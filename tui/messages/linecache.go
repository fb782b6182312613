package messages

import (
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// bodies caches the rows of entries that were drawn lately. All of it is for one width, one theme,
// one search and one set of labels: whatever changes one of these clears it.
type bodies struct {
	rows  map[drawn]*body
	round uint64 // of Rows
}

// drawn is an entry as it was drawn.
type drawn struct {
	e        *entry
	named    bool // name and time are shown
	selected bool
}

type body struct {
	rows  []string
	round uint64 // when it was last wanted
}

func (b *bodies) clear() { b.rows = make(map[drawn]*body) }

// forget makes an entry be drawn again.
func (b *bodies) forget(e *entry) {
	for _, named := range []bool{false, true} {
		for _, selected := range []bool{false, true} {
			delete(b.rows, drawn{e, named, selected})
		}
	}
}

// next begins a round: what was not wanted in the last few goes, once there is much of it.
func (b *bodies) next(height int) {
	b.round++
	if len(b.rows) <= 8*height+64 {
		return
	}
	for k, v := range b.rows {
		if v.round+4 < b.round {
			delete(b.rows, k)
		}
	}
	if len(b.rows) > 64*(height+64) {
		b.clear()
	}
}

// body is the rows of entry i itself. Lead says that it is the first on the screen, so that its
// name is shown though it stands under it.
func (p *Pane) body(i int, lead bool) []string {
	e := p.log.entries[i]
	named := lead || i <= p.floor || p.newDay(i) || !e.under(p.log.entries[i-1])
	k := drawn{e, named, i == p.sel}
	b := p.bodies.rows[k]
	if b == nil {
		b = &body{rows: p.draw(e, named, i == p.sel)}
		p.bodies.rows[k] = b
	}
	b.round = p.bodies.round
	return b.rows
}

// draw composes the rows of an entry.
func (p *Pane) draw(e *entry, named, selected bool) []string {
	if e.kind == said {
		return p.drawLine(e, named, selected)
	}
	t, c := p.cfg.Theme, &p.cols
	style, mark, at := t.Dim, t.Dot, c.markAt
	switch {
	case e.kind == lateArrival:
		mark, at = t.Up, c.rule
	case e.kind == rejected:
		mark, style = t.Blocked, t.Warn
	case e.level == event.Warning:
		mark, style = t.Unsigned, t.Warn
	case e.level == event.Error:
		mark, style = t.Refused, t.Bad
	}
	text := style
	if e.kind == lateArrival || e.kind == note && e.level != event.Info {
		text = t.Text
	}
	var rows []string
	for j, part := range sanitize.Block(e.text).Wrap(max(c.end-at-2, 1)) {
		r := t.Row(p.w)
		if j == 0 {
			if e.kind == note {
				p.clock(r, e, t.Text, t.Dim)
			}
			r.PadTo(t.Text, at).Put(style, mark)
		}
		rows = append(rows, r.PadTo(t.Text, at+2).Put(text, part).String())
	}
	return rows
}

// drawLine composes the rows of a line.
func (p *Pane) drawLine(e *entry, named, selected bool) []string {
	t, c, o := p.cfg.Theme, &p.cols, e.from
	style := func(s theme.Style) theme.Style {
		if selected && s != t.Hit { // what was found still stands out
			return t.Selected
		}
		return s
	}
	text := sanitize.Block(strings.TrimRight(e.text, "\r\n"))
	var spans []span
	if e.me {
		name := p.ownOr(o)
		text = sanitize.Concat(sanitize.Trusted("* "), name, sanitize.Trusted(" "), text)
		spans = append(spans, span{2, 2 + len(name.String()), p.nameStyle(o)})
	}
	spans = p.marked(e, text.String(), spans)
	parts := text.Wrap(c.wrap)
	if c.aside > 0 && (o.own || e.late) { // the last row leaves room for what is said about the line
		last := len(parts) - 1
		parts = append(parts[:last], parts[last].Wrap(c.wrap-c.aside)...)
	}
	rows := make([]string, 0, len(parts))
	at := 0
	for j, part := range parts {
		r := t.Row(p.w)
		if j == 0 {
			lead := sanitize.SafeText{}
			if selected {
				lead = t.Selection
			} else if p.find.on && p.matches(e) {
				lead = t.Focus // colour alone doesn't mark a hit
			}
			if c.lead > 0 {
				r.Put(style(t.Accent), lead)
			}
			if named {
				p.clock(r, e, style(t.Text), style(t.Dim))
				if !e.me && c.name > 0 {
					r.PadTo(style(t.Text), c.nameAt).PutWithin(style(p.nameStyle(o)), p.label(o, c.name), c.name)
				}
			}
			if c.mark > 0 {
				s, mark := p.mark(e)
				r.PadTo(style(t.Text), c.markAt).Put(style(s), mark)
			}
		}
		r.PadTo(style(t.Text), c.textAt)
		at = p.paint(r, text.String(), at, part, spans, style)
		if j == len(parts)-1 && c.aside > 0 {
			room := c.end - r.Width() - 1
			s, aside := p.aside(e, room)
			if w := aside.Width(); w > 0 && w <= room {
				if len(part.String()) == part.Width() { // it is ASCII: all terminals agree on its width
					r.PadTo(style(t.Text), c.end-w)
				} else {
					r.MoveTo(style(t.Text), c.end-w)
				}
				r.Put(style(s), aside)
			}
		}
		if selected {
			r.PadTo(style(t.Text), p.w)
		}
		rows = append(rows, r.String())
	}
	return rows
}

// clock puts the time of an entry where times stand.
func (p *Pane) clock(r *theme.Row, e *entry, gap, s theme.Style) {
	if p.cols.time > 0 {
		r.PadTo(gap, p.cols.lead).Put(s, sanitize.Line(time.UnixMilli(e.shown()).In(p.cfg.Zone).Format("15:04")))
	}
}

// mark says what a line is worth. Where there is no room right of one's own lines for how far they
// have come, it stands here.
func (p *Pane) mark(e *entry) (theme.Style, sanitize.SafeText) {
	t := p.cfg.Theme
	switch {
	case e.from.own && p.cols.aside == 0:
		return p.delivery(e, 1)
	case e.from.own:
		return t.Text, sanitize.SafeText{}
	case e.from.signature != event.Verified:
		return t.Warn, t.Unsigned
	case e.late:
		return t.Warn, t.LateLine
	}
	return t.Good, t.Signed
}

// aside is what stands right of a line: who has it, or when it was said.
func (p *Pane) aside(e *entry, cells int) (theme.Style, sanitize.SafeText) {
	t := p.cfg.Theme
	if e.from.own {
		return p.delivery(e, cells)
	}
	if !e.late {
		return t.Dim, sanitize.SafeText{}
	}
	at := time.UnixMilli(e.sent).In(p.cfg.Zone)
	form := "15:04"
	if p.dayOf(e.sent) != p.dayOf(e.arrived) {
		form = "2 Jan"
		if at.Year() != time.UnixMilli(e.arrived).In(p.cfg.Zone).Year() {
			form = "2006"
		}
	}
	when := sanitize.Concat(t.LateLine, sanitize.Line(" "+at.Format(form)))
	if long := sanitize.Line("sent " + at.Format(form)); long.Width() <= cells {
		when = long
	}
	return t.Dim, when
}

// ownOr is the name of an author in the middle of a sentence: one's own name instead of "you".
func (p *Pane) ownOr(o *origin) sanitize.SafeText {
	if o.own && p.cfg.OwnName != nil {
		return p.cfg.OwnName()
	}
	return p.label(o, maxName)
}
