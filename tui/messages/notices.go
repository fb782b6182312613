package messages

import (
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	maxRefused  = 1024    // senders whose refusals are told apart; peers whose renames are
	refusedFor  = 300_000 // ms for which a row that counts is brought up to date
	refusedNear = 16      // entries from the end, the same
)

// refusal is a row that counts what was refused.
type refusal struct {
	entry *entry
	total int // counted when the row was last drawn
	start int // counted before the row
}

// AddNotice puts in a sentence of the program's own: a notice, the outcome of a vote, "alice joined".
func (p *Pane) AddNotice(level event.Level, text sanitize.SafeText) {
	p.look()
	now := millis(p.cfg.Now())
	p.append(&entry{kind: note, level: level, text: text.String(), arrived: now, sent: now})
	p.trim()
}

// ReportRefused says what was dropped. There is one row per sender and reason for a run of refusals,
// which counts on in place; a later run has a row of its own.
func (p *Pane) ReportRefused(r event.Refused) {
	p.look()
	now := millis(p.cfg.Now())
	f := p.refused[r.LatestKey()]
	if f == nil {
		if len(p.refused) >= maxRefused {
			clear(p.refused)
		}
		f = &refusal{}
		p.refused[r.LatestKey()] = f
	}
	if r.Count <= f.total && f.entry != nil {
		return // an older count, overtaken
	}
	if f.entry == nil || now-f.entry.sent > refusedFor || !p.near(f.entry, refusedNear) {
		f.start = f.total
		f.entry = &entry{kind: rejected, arrived: now}
		f.entry.text = refusedText(r, r.Count-f.start)
		p.append(f.entry)
	}
	f.total = r.Count
	f.entry.sent = now
	f.entry.text = refusedText(r, r.Count-f.start)
	p.bodies.forget(f.entry)
	p.trim()
	p.view.stale = true
}

// refusedText is "3 unsigned lines from 10.0.0.7 refused · policy #4": a reason may have a second
// half after a dot that says why.
func refusedText(r event.Refused, n int) string {
	what, why, _ := strings.Cut(r.Reason, " · ")
	text := sanitize.Linef("%d × %s", n, what)
	if what == "unsigned" {
		text = sanitize.Line(count(n, "unsigned line"))
	}
	text = sanitize.Concat(text, sanitize.Trusted(" from "), sanitize.Line(r.From), sanitize.Trusted(" refused"))
	if why != "" {
		text = sanitize.Concat(text, sanitize.Trusted(" · "), sanitize.Line(why))
	}
	return text.String()
}

// near tells whether the entry is one of the last n, and wasn't cleared away.
func (p *Pane) near(e *entry, n int) bool {
	for _, o := range p.log.entries[min(max(p.floor, len(p.log.entries)-n), len(p.log.entries)):] {
		if o == e {
			return true
		}
	}
	return false
}
