package messages

import (
	"encoding/base64"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/clean"
	"chat.lan/p2pchat/tui/theme"
)

// Inspector tells all that is known of the selected line, in at most h rows of at most w cells;
// none if no line is selected.
func (p *Pane) Inspector(w, h int) []string {
	l, ok := p.Selected()
	if !ok || w <= 0 || h <= 0 {
		return nil
	}
	t, e := p.cfg.Theme, p.log.entries[p.sel]
	var rows []string
	field := func(name clean.SafeText, s theme.Style, value clean.SafeText) {
		if value.IsEmpty() {
			return
		}
		const column = 13
		at := column
		if w < 40 { // the name has a row of its own
			rows = append(rows, t.Row(w).Put(t.Dim, name).String())
			at = min(2, w/8)
		}
		for i, part := range value.Wrap(max(w-at, 1)) {
			r := t.Row(w)
			if i == 0 && at == column {
				r.Put(t.Dim, name)
			}
			rows = append(rows, r.To(t.Text, at).Put(s, part).String())
		}
	}
	why, style := p.why(e)
	field(clean.Trusted("From"), p.nameStyle(e.from), p.author(e.from))
	field(clean.Trusted("Why shown"), style, why)
	field(clean.Trusted("Text"), t.Text, clean.Block(l.Text))
	field(clean.Trusted("Sent"), t.Text, p.exactly(l.Time))
	arrived := p.exactly(l.Arrived)
	switch d := l.Arrived.Sub(l.Time).Round(time.Millisecond); {
	case l.Own || d.Abs() >= 24*time.Hour || d == 0:
	case d > 0:
		arrived = clean.Concat(arrived, clean.Linef(" (%s later)", d))
	default: // their clock is ahead of ours
		arrived = clean.Concat(arrived, clean.Linef(" (%s earlier)", -d))
	}
	field(clean.Trusted("Arrived"), t.Text, arrived)
	field(clean.Trusted("Through"), t.Text, p.through(e.from))
	if e.acked != unknown {
		s, delivery := p.delivery(e, 40)
		field(clean.Trusted("Delivered"), s, delivery)
	}
	if !l.From.IsZero() {
		field(clean.Trusted("Fingerprint"), t.Text, clean.Line(l.From.Fingerprint()))
		field(clean.Trusted("Key"), t.Text, clean.Line(l.From.String()))
	}
	field(clean.Trusted("Peer id"), t.Text, clean.Line(l.FromID))
	field(clean.Trusted("Line id"), t.Text, clean.Line(l.ID))
	if e.placed {
		field(clean.Trusted("Place"), t.Text, clean.Linef("feed %016x, number %d, clock %d.%d", e.feed, e.seq, e.ms, e.n))
	}
	if len(l.Sig) > 0 {
		field(clean.Trusted("Signature"), t.Text, clean.Line(base64.StdEncoding.EncodeToString(l.Sig)))
	}
	field(clean.Trusted("Signed bytes"), t.Text, clean.Line(l.Body))
	return rows[:min(len(rows), h)]
}

// author is the label, and what the author was called when the line was said if that is another.
func (p *Pane) author(o *origin) clean.SafeText {
	label := p.ownOr(o)
	if o.own {
		return clean.Concat(label, clean.Trusted(" (you)"))
	}
	label = p.cfg.Book.Label(o.who.book)
	if then := clean.Name(o.name); o.name != "" && then != label {
		label = clean.Concat(label, clean.Trusted(", then called "), then)
	}
	return label
}

// through is the way that a line came.
func (p *Pane) through(o *origin) clean.SafeText {
	switch {
	case o.own:
		return clean.Trusted("written here")
	case o.via == "" && o.kind == event.KindNative:
		return clean.Trusted("straight from its author, encrypted")
	case o.via == "":
		return clean.Trusted("straight from its author, in clear")
	}
	for _, who := range p.people.persons {
		if who.id == o.via {
			return clean.Concat(clean.Trusted("handed on by "), p.cfg.Book.Label(who.book))
		}
	}
	return clean.Linef("handed on by %s", o.via)
}

// why says why a line is shown as it is.
func (p *Pane) why(e *entry) (clean.SafeText, theme.Style) {
	t := p.cfg.Theme
	what, style := clean.Trusted("verified: the signature under exactly the bytes below is this key's"), t.Good
	switch {
	case e.from.own:
		what, style = clean.Trusted("your own line, signed with your key"), t.Text
	case e.from.signature == event.SeedSigned:
		what, style = clean.Trusted("signed in the old form, which covers neither name nor room: who wrote it is not certain"), t.Warn
	case e.from.signature != event.Verified:
		what, style = clean.Trusted("unsigned: anybody on the way may have written it"), t.Warn
	}
	switch {
	case e.late:
		what = clean.Concat(what, clean.Trusted("; it says that it was sent at another time, so it stands where it arrived"))
	case e.history && !e.from.own:
		what = clean.Concat(what, clean.Trusted("; it was said before it reached us, and stands in its place"))
	}
	return what, style
}

// exactly is a time to the millisecond.
func (p *Pane) exactly(at time.Time) clean.SafeText {
	return clean.Line(at.In(p.cfg.Zone).Format("2006-01-02 15:04:05.000 -07:00"))
}
