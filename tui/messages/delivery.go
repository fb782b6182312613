package messages

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
	"chat.lan/p2pchat/tui/wording"
)

// ownMessages holds the local peer's messages of this run, in the order in which they were sent.
type ownMessages struct {
	entries []*entry
	first   int            // serial of entries[0]
	byID    map[string]int // serials
}

// add takes in a message that is on its way.
func (o *ownMessages) add(e *entry) {
	if o.byID == nil {
		o.byID = make(map[string]int)
	}
	e.acked = ackPending
	e.serial = o.first + len(o.entries)
	o.entries = append(o.entries, e)
	o.byID[e.idKey()] = e.serial
}

// drop forgets the oldest message once it was dropped from the log.
func (o *ownMessages) drop(e *entry) {
	if e.acked == ackUnknown || e.serial != o.first || len(o.entries) == 0 {
		return
	}
	delete(o.byID, e.idKey())
	o.entries[0] = nil
	o.entries = o.entries[1:]
	o.first++
}

// idKey returns the entry's id in few bytes.
func (e *entry) idKey() string {
	if e.cleartextID != "" {
		return e.cleartextID
	}
	return string(e.id[:])
}

// SetDelivered notes how many peers have a local message, and so all older ones of this run. 0 of 0
// says that no one else is here.
func (p *Pane) SetDelivered(d event.Delivered) {
	id := d.ID
	if raw, ok := parseID(d.ID); ok {
		id = string(raw[:])
	}
	serial, ok := p.own.byID[id]
	if !ok {
		return
	}
	e := p.own.entries[serial-p.own.first]
	if d.Peers < int(e.peers) || d.Of < d.Peers || (d.Of == 0 && e.acked == ackCounted) {
		return // overtaken by a newer count
	}
	p.setCount(e, d)
	for i := serial - p.own.first - 1; i >= 0 && p.own.entries[i].isBehind(d); i-- {
		p.setCount(p.own.entries[i], d)
	}
	p.viewport.stale = true
}

// isBehind reports whether an older message has come at least as far as d says of a newer one.
func (e *entry) isBehind(d event.Delivered) bool {
	return d.Peers > int(e.peers) || d.NotKept > 0 && e.acked == ackPending
}

// setCount notes the count of a single message.
func (p *Pane) setCount(e *entry, d event.Delivered) {
	e.acked, e.peers, e.of, e.notKept = ackCounted, int32(d.Peers), int32(d.Of), uint16(d.NotKept)
	p.renderer.cache.drop(e)
}

// delivery returns how far a local message has come, in the longest form that fits the cells.
func (r *renderer) delivery(e *entry, cells int) (theme.Style, sanitize.SafeText) {
	t := r.cfg.Theme
	switch {
	case e.acked == ackUnknown:
		return t.Dim, sanitize.SafeText{}
	case e.acked == ackPending:
		return t.Dim, t.Pending
	case e.of == 0:
		return t.Warn, sanitize.FirstFitting(cells, sanitize.Concat(t.Refused, sanitize.Trusted(" no one here")),
			sanitize.Concat(t.Refused, sanitize.Trusted(" no one")), sanitize.Concat(t.Refused, sanitize.Trusted(" 0")), t.Refused)
	case e.notKept > 0:
		long, short := wording.NotKeptBy(event.Delivered{Of: int(e.of), NotKept: int(e.notKept)})
		return t.Warn, sanitize.FirstFitting(cells, sanitize.Concat(t.Refused, sanitize.Trusted(" "), long), long, short,
			sanitize.Linef("%s %d/%d", t.Refused, e.peers, e.of), t.Refused)
	case e.peers == 0:
		return t.Dim, t.Pending
	}
	return t.Dim, sanitize.FirstFitting(cells, sanitize.Linef("%s %d/%d", t.Signed, e.peers, e.of), t.Signed)
}
