package messages

import (
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

const (
	maxCounted  = 1024    // senders whose refusals have rows of their own; peers whose renames have
	countedFor  = 300_000 // ms for which a counting row is updated in place
	countedNear = 16      // entries from the end within which it is
)

// refusal is a row that counts what was refused.
type refusal struct {
	entry *entry
	total int // the count when the row was last drawn
	start int // the count before the row
}

// renaming is a row that shows a peer's new name.
type renaming struct {
	entry *entry
	from  sanitize.SafeText // the name before the row
	times int
}

// AddNotice adds a sentence of the program's own: the outcome of a vote, "alice joined".
func (p *Pane) AddNotice(level event.Level, text sanitize.SafeText) {
	p.viewport.update()
	now := millis(p.cfg.Now())
	p.appendEntry(&entry{kind: noticeEntry, level: level, text: text.String(), arrived: now, sent: now})
	p.trim()
}

// ReportRefused shows what was refused. A run of refusals of the same sender and reason is counted in
// a single row; a later run gets a new row.
func (p *Pane) ReportRefused(r event.Refused) {
	p.viewport.update()
	now := millis(p.cfg.Now())
	f := p.refused[r.LatestKey()]
	if f == nil {
		if len(p.refused) >= maxCounted {
			clear(p.refused)
		}
		f = &refusal{}
		p.refused[r.LatestKey()] = f
	}
	if r.Count <= f.total && f.entry != nil {
		return // an older count, overtaken
	}
	if f.entry == nil || !p.canUpdate(f.entry, now) {
		f.start = f.total
		f.entry = &entry{kind: refusedEntry, arrived: now}
		p.appendEntry(f.entry)
	}
	f.total = r.Count
	p.updateNotice(f.entry, now, refusalText(r, r.Count-f.start))
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

// canUpdate reports whether a counting row is new and near enough to be updated in place.
func (p *Pane) canUpdate(e *entry, now int64) bool {
	return now-e.sent <= countedFor && p.log.isRecent(e, countedNear, p.viewport.floor)
}

// updateNotice gives a row of the program's own another text, in place.
func (p *Pane) updateNotice(e *entry, now int64, text sanitize.SafeText) {
	p.log.bytes -= e.size()
	e.sent, e.text = now, text.String()
	p.log.bytes += e.size()
	p.renderer.cache.drop(e)
	p.trim()
	p.viewport.stale = true
}

// refusalText writes "3 unsigned lines from 10.0.0.7 refused · policy #4". The reason of an
// event.Refused may have a second half after a dot that says why.
func refusalText(r event.Refused, n int) sanitize.SafeText {
	what, why, _ := strings.Cut(r.Reason, " · ")
	text := sanitize.Linef("%d × %s", n, what)
	if what == "unsigned" {
		text = sanitize.Line(countNoun(n, "unsigned line"))
	}
	text = sanitize.Linef("%s from %s refused", text, r.From)
	if why != "" {
		text = sanitize.Linef("%s · %s", text, why)
	}
	return text
}
