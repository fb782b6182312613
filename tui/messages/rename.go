package messages

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// renaming is a row that shows a peer's new name.
type renaming struct {
	entry *entry
	from  sanitize.SafeText // the name before the row
	times int
}

// ReportRename shows that the peer with this id changed its name. A run of new names of a peer is
// shown in a single row, updated in place. Names cost nothing: a peer that changed its name every
// second would otherwise fill the screen.
func (p *Pane) ReportRename(id string, from, to sanitize.SafeText) {
	p.viewport.update()
	now := millis(p.cfg.Now())
	r := p.renamed[id]
	if r == nil || !p.canUpdate(r.entry, now) {
		if len(p.renamed) >= maxCounted {
			clear(p.renamed)
		}
		r = &renaming{entry: &entry{kind: noticeEntry, level: event.Info, arrived: now}, from: from}
		p.renamed[id] = r
		p.appendEntry(r.entry)
	}
	r.times++
	text := wording.Renamed(r.from, to)
	if r.times > 1 {
		text = sanitize.Linef("%s (%d new names)", text, r.times)
	}
	p.updateNotice(r.entry, now, text)
}
