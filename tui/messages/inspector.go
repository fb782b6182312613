package messages

import (
	"encoding/base64"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// InspectorRows shows all that is known about the selected message, in at most h rows of at most w
// cells. It returns nil if no message is selected.
func (p *Pane) InspectorRows(w, h int) []string {
	l, ok := p.Selected()
	if !ok || w <= 0 || h <= 0 {
		return nil
	}
	r := &p.renderer
	t, e := p.cfg.Theme, p.log.entries[p.viewport.selected]
	var rows []string
	field := func(name sanitize.SafeText, s theme.Style, value sanitize.SafeText) {
		if value.IsEmpty() {
			return
		}
		row, at := t.Row(w).Put(t.Dim, name), 13
		if w < 40 { // the name has a row of its own
			rows = append(rows, row.String())
			row, at = t.Row(w), min(2, w/8)
		}
		rows = append(rows, row.Wrap(at, max(w-at, 1), s, value)...)
	}
	why, style := r.explainTrust(e)
	field(sanitize.Trusted("From"), r.nameStyle(e.from), r.formatAuthor(e.from))
	field(sanitize.Trusted("Why shown"), style, why)
	field(sanitize.Trusted("Text"), t.Text, sanitize.Block(l.Text))
	field(sanitize.Trusted("Sent"), t.Text, r.formatExact(l.Time))
	arrived := r.formatExact(l.Arrived)
	switch d := l.Arrived.Sub(l.Time).Round(time.Millisecond); {
	case l.Own || d.Abs() >= 24*time.Hour || d == 0:
	case d > 0:
		arrived = sanitize.Concat(arrived, sanitize.Linef(" (%s later)", d))
	default: // the author's clock is ahead of the local one
		arrived = sanitize.Concat(arrived, sanitize.Linef(" (%s earlier)", -d))
	}
	field(sanitize.Trusted("Arrived"), t.Text, arrived)
	field(sanitize.Trusted("Through"), t.Text, r.formatRoute(e.from))
	if e.acked != ackUnknown {
		s, delivery := r.delivery(e, 40)
		field(sanitize.Trusted("Delivered"), s, delivery)
	}
	if !l.From.IsZero() {
		field(sanitize.Trusted("Fingerprint"), t.Text, sanitize.Line(l.From.Fingerprint()))
		field(sanitize.Trusted("Key"), t.Text, sanitize.Line(l.From.String()))
	}
	field(sanitize.Trusted("Peer id"), t.Text, sanitize.Line(l.FromID))
	field(sanitize.Trusted("Line id"), t.Text, sanitize.Line(l.ID))
	if e.placed {
		field(sanitize.Trusted("Place"), t.Text, sanitize.Linef("feed %016x, number %d, clock %d.%d", e.feed, e.seq, e.placeMs, e.placeN))
	}
	if len(l.Sig) > 0 {
		field(sanitize.Trusted("Signature"), t.Text, sanitize.Line(base64.StdEncoding.EncodeToString(l.Sig)))
	}
	field(sanitize.Trusted("Signed bytes"), t.Text, sanitize.Line(l.Body))
	return rows[:min(len(rows), h)]
}

// formatAuthor returns the author's label, and the author's name in the message if that differs.
func (r *renderer) formatAuthor(o *origin) sanitize.SafeText {
	if o.own {
		return sanitize.Linef("%s (you)", r.authorName(o))
	}
	label := r.cfg.Roster.Label(o.author.rosterID)
	if then := sanitize.Name(o.name); o.name != "" && then != label {
		label = sanitize.Linef("%s, then called %s", label, then)
	}
	return label
}

// formatRoute names the way by which a message came.
func (r *renderer) formatRoute(o *origin) sanitize.SafeText {
	switch {
	case o.own:
		return sanitize.Trusted("written here")
	case o.via == "" && o.kind == event.KindNative:
		return sanitize.Trusted("straight from its author, encrypted")
	case o.via == "":
		return sanitize.Trusted("straight from its author, in clear")
	}
	for _, who := range r.authors.byID {
		if who.id == o.via {
			return sanitize.Concat(sanitize.Trusted("handed on by "), r.cfg.Roster.Label(who.rosterID))
		}
	}
	return sanitize.Linef("handed on by %s", o.via)
}

// explainTrust says why a message is shown as it is, and in which style to say so.
func (r *renderer) explainTrust(e *entry) (sanitize.SafeText, theme.Style) {
	t := r.cfg.Theme
	what, style := sanitize.Trusted("verified: the signature under exactly the bytes below is this key's"), t.Good
	switch {
	case e.from.own:
		what, style = sanitize.Trusted("your own line, signed with your key"), t.Text
	case e.from.signature == event.SeedSigned:
		what, style = sanitize.Trusted("signed in the old form, which covers neither name nor room: who wrote it is not certain"), t.Warn
	case e.from.signature != event.Verified:
		what, style = sanitize.Trusted("unsigned: anyone on the way may have written it"), t.Warn
	}
	switch {
	case e.late:
		what = sanitize.Concat(what, sanitize.Trusted("; it says that it was sent at another time, so it stands where it arrived"))
	case e.history && !e.from.own:
		what = sanitize.Concat(what, sanitize.Trusted("; it was said before it reached us, and stands in its place"))
	}
	return what, style
}

// formatExact writes a time to the millisecond.
func (r *renderer) formatExact(at time.Time) sanitize.SafeText {
	return sanitize.Line(at.In(r.cfg.Zone).Format("2006-01-02 15:04:05.000 -07:00"))
}
