package messages

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// renaming is a row that says what somebody is called now.
type renaming struct {
	entry *entry
	from  sanitize.SafeText // the name before the row
	times int
}

// ReportRename says that the peer with this id, who was called from, is called to now. There is one row for a
// run of new names, which is brought up to date in place: names are free, and who takes one every second
// would soon be all that is to be seen.
func (p *Pane) ReportRename(id string, from, to sanitize.SafeText) {
	p.look()
	now := millis(p.cfg.Now())
	r := p.renamed[id]
	if r == nil || now-r.entry.sent > refusedFor || !p.near(r.entry, refusedNear) {
		if len(p.renamed) >= maxRefused {
			clear(p.renamed)
		}
		r = &renaming{entry: &entry{kind: note, level: event.Info, arrived: now}, from: from}
		p.renamed[id] = r
		p.append(r.entry)
	}
	r.times++
	r.entry.sent = now
	text := wording.Renamed(r.from, to)
	if r.times > 1 {
		text = sanitize.Concat(text, sanitize.Linef(" (%d new names)", r.times))
	}
	r.entry.text = text.String()
	p.bodies.forget(r.entry)
	p.trim()
	p.view.stale = true
}
