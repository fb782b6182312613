package messages

import (
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// renderer turns entries into rows. It reads the other parts of the pane and changes none of them.
type renderer struct {
	cfg      *Config
	log      *log
	viewport *viewport
	finder   *finder

	opened     time.Time // when the pane was made; history is from before
	width      int       // cells
	focus      bool
	header     historyHeader
	authors    authors
	own        ownName
	widestName int // cells of the widest label
	columns    columns
	cache      lineCache
}

// drawEntry composes the rows of an entry.
func (r *renderer) drawEntry(e *entry, named, selected bool) []string {
	if e.kind == messageEntry {
		return r.drawMessage(e, named, selected)
	}
	t, c := r.cfg.Theme, &r.columns
	style, mark, at := t.Dim, t.Dot, c.markAt
	switch {
	case e.kind == lateArrival:
		mark, at = t.Up, c.rule
	case e.kind == refusedEntry:
		mark, style = t.Blocked, t.Warn
	case e.level == event.Warning:
		mark, style = t.Unsigned, t.Warn
	case e.level == event.Error, e.level == event.Alarm:
		mark, style = t.Refused, t.Bad
	}
	text := style
	if e.kind == lateArrival || e.kind == noticeEntry && e.level != event.Info && e.level != event.Alarm {
		text = t.Text
	}
	row := t.Row(r.width)
	if e.kind == noticeEntry {
		r.putTime(row, e, t.Text, t.Dim)
	}
	return row.PadTo(t.Text, at).Put(style, mark).Wrap(at+2, max(c.end-at-2, 1), text, sanitize.Block(e.text))
}

// drawMessage composes the rows of a message.
func (r *renderer) drawMessage(e *entry, named, selected bool) []string {
	t, c, o := r.cfg.Theme, &r.columns, e.from
	style := func(s theme.Style) theme.Style {
		if selected && s != t.Hit { // a hit still stands out
			return t.Selected
		}
		return s
	}
	text := sanitize.Block(strings.TrimRight(e.text, "\r\n"))
	var spans []span
	if e.me {
		name := r.authorName(o)
		text = sanitize.Concat(sanitize.Trusted("* "), name, sanitize.Trusted(" "), text)
		spans = append(spans, span{2, 2 + len(name.String()), r.nameStyle(o)})
	}
	spans = r.addHighlights(e, text.String(), spans)
	parts := text.Wrap(c.wrap)
	if c.note > 0 && (o.own || e.late) { // the last row leaves room for the note
		last := len(parts) - 1
		parts = append(parts[:last], parts[last].Wrap(c.wrap-c.note)...)
	}
	rows := make([]string, 0, len(parts))
	at := 0
	for j, part := range parts {
		row := t.Row(r.width)
		if j == 0 {
			lead := sanitize.SafeText{}
			if selected {
				lead = t.Selection
			} else if r.finder.matches(e) {
				lead = t.Focus // colour alone doesn't mark a hit
			}
			if c.lead > 0 {
				row.Put(style(t.Accent), lead)
			}
			if named {
				r.putTime(row, e, style(t.Text), style(t.Dim))
				if !e.me && c.name > 0 {
					row.PadTo(style(t.Text), c.nameAt).PutWithin(style(r.nameStyle(o)), r.authorLabel(o, c.name), c.name)
				}
			}
			if c.mark > 0 {
				s, mark := r.signatureMark(e)
				row.PadTo(style(t.Text), c.markAt).Put(style(s), mark)
			}
		}
		row.PadTo(style(t.Text), c.textAt)
		at = r.putHighlighted(row, text.String(), at, part, spans, style)
		if j == len(parts)-1 && c.note > 0 {
			room := c.end - row.Width() - 1
			s, note := r.endNote(e, room)
			if w := note.Width(); w > 0 && w <= room {
				if len(part.String()) == part.Width() { // ASCII: all terminals agree on the width
					row.PadTo(style(t.Text), c.end-w)
				} else {
					row.MoveTo(style(t.Text), c.end-w)
				}
				row.Put(style(s), note)
			}
		}
		if selected {
			row.PadTo(style(t.Text), r.width)
		}
		rows = append(rows, row.String())
	}
	return rows
}

// putTime puts the time of an entry into its column.
func (r *renderer) putTime(row *theme.Row, e *entry, gap, s theme.Style) {
	if r.columns.time > 0 {
		row.PadTo(gap, r.columns.lead).Put(s, sanitize.Line(time.UnixMilli(e.shownTime()).In(r.cfg.Zone).Format("15:04")))
	}
}

// signatureMark returns the mark of a message's signature. For a local message in a narrow pane it
// returns the delivery instead.
func (r *renderer) signatureMark(e *entry) (theme.Style, sanitize.SafeText) {
	t := r.cfg.Theme
	switch {
	case e.from.own && r.columns.note == 0:
		return r.delivery(e, 1)
	case e.from.own:
		return t.Text, sanitize.SafeText{}
	case e.from.signature != event.Verified:
		return t.Warn, t.Unsigned
	case e.late:
		return t.Warn, t.LateLine
	}
	return t.Good, t.Signed
}

// endNote returns the note at the end of a message: its delivery, or when it was sent.
func (r *renderer) endNote(e *entry, cells int) (theme.Style, sanitize.SafeText) {
	t := r.cfg.Theme
	if e.from.own {
		return r.delivery(e, cells)
	}
	if !e.late {
		return t.Dim, sanitize.SafeText{}
	}
	at := time.UnixMilli(e.sent).In(r.cfg.Zone)
	form := "15:04"
	if r.dayOf(e.sent) != r.dayOf(e.arrived) {
		form = "2 Jan"
		if at.Year() != time.UnixMilli(e.arrived).In(r.cfg.Zone).Year() {
			form = "2006"
		}
	}
	when := at.Format(form)
	return t.Dim, sanitize.FirstFitting(cells, sanitize.Linef("sent %s", when), sanitize.Linef("%s %s", t.LateLine, when))
}
