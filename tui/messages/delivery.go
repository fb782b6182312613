package messages

import (
	"encoding/hex"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/search"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// ownLines is one's own lines of this run, in the order in which they were sent.
type ownLines struct {
	entries []*entry
	first   int            // serial of the first of entries
	byID    map[string]int // serials

	name   string // one's own, and how it is found in what others say
	needle search.Text
}

// add takes in a line that is on its way.
func (o *ownLines) add(e *entry) {
	if o.byID == nil {
		o.byID = make(map[string]int)
	}
	e.acked = pending
	e.serial = o.first + len(o.entries)
	o.entries = append(o.entries, e)
	o.byID[e.key()] = e.serial
}

// gone forgets a line that was dropped from the log.
func (o *ownLines) gone(e *entry) {
	if e.acked == unknown || e.serial != o.first || len(o.entries) == 0 {
		return
	}
	delete(o.byID, e.key())
	o.entries[0] = nil
	o.entries = o.entries[1:]
	o.first++
}

// key is the entry's id in few bytes.
func (e *entry) key() string {
	if e.name != "" {
		return e.name
	}
	return string(e.id[:])
}

// SetDelivered says who has a line of one's own: it and all older ones of this run. Nobody of nobody
// means that nobody is here to have it.
func (p *Pane) SetDelivered(d event.Delivered) {
	id := d.ID
	if raw, err := hex.DecodeString(shortID(d.ID)); err == nil {
		id = string(raw)
	}
	serial, ok := p.own.byID[id]
	if !ok {
		return
	}
	e := p.own.entries[serial-p.own.first]
	if d.Peers < int(e.peers) || d.Of < d.Peers || (d.Of == 0 && e.acked == counted) {
		return // overtaken by a newer count
	}
	p.deliver(e, d)
	for i := serial - p.own.first - 1; i >= 0 && d.Peers > int(p.own.entries[i].peers); i-- {
		p.deliver(p.own.entries[i], d)
	}
	p.view.stale = true
}

func (p *Pane) deliver(e *entry, d event.Delivered) {
	e.acked, e.peers, e.of = counted, int32(d.Peers), int32(d.Of)
	p.bodies.forget(e)
}

// delivery is how far a line of one's own has come, in the longest form that fits the cells.
func (p *Pane) delivery(e *entry, cells int) (theme.Style, sanitize.SafeText) {
	t := p.cfg.Theme
	switch {
	case e.acked == unknown:
		return t.Dim, sanitize.SafeText{}
	case e.acked == pending:
		return t.Dim, t.Pending
	case e.of == 0:
		for _, words := range []sanitize.SafeText{sanitize.Trusted(" nobody here"), sanitize.Trusted(" nobody"), sanitize.Trusted(" 0")} {
			if 1+words.Width() <= cells {
				return t.Warn, sanitize.Concat(t.Refused, words)
			}
		}
		return t.Warn, t.Refused
	case e.peers == 0:
		return t.Dim, t.Pending
	}
	full := sanitize.Concat(t.Signed, sanitize.Linef(" %d/%d", e.peers, e.of))
	if full.Width() <= cells {
		return t.Dim, full
	}
	return t.Dim, t.Signed
}
