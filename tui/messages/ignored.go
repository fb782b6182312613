package messages

import "slices"

// maxHidden bounds the messages that are held of ignored peers.
const maxHidden = 10_000

// ignored holds the peers that the reader ignores, and their messages in order of arrival.
type ignored struct {
	ids     map[string]bool // uuids
	entries []*entry
}

// SetIgnored hides the past and future messages of the peer with this uuid, or shows them again.
func (p *Pane) SetIgnored(id string, on bool) {
	if p.ignored.ids[id] == on {
		return
	}
	byPeer := func(e *entry) bool { return e.kind == messageEntry && e.from.author.id == id }
	if on {
		p.ignored.ids[id] = true
		p.ignored.entries = append(p.ignored.entries, p.removeEntries(byPeer)...)
		p.boundHidden()
	} else {
		delete(p.ignored.ids, id)
		var back []*entry
		p.ignored.entries = slices.DeleteFunc(p.ignored.entries, func(e *entry) bool {
			if !byPeer(e) {
				return false
			}
			back = append(back, e)
			return true
		})
		p.mergeEntries(back)
		p.viewport.recount()
	}
	p.restyle()
}

// boundHidden drops the oldest hidden messages once there are too many.
func (p *Pane) boundHidden() {
	hidden := p.ignored.entries
	if len(hidden) <= maxHidden+maxHidden/4 {
		return
	}
	n := len(hidden) - maxHidden
	for _, e := range hidden[:n] {
		p.log.forgetID(e)
	}
	p.ignored.entries = append(hidden[:0:0], hidden[n:]...)
}
