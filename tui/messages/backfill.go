package messages

import (
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
)

const (
	// catchUpFor is how long after the start history is expected: the header above it says enough.
	catchUpFor = 30 * time.Second
	// A late notice is updated in place for lateNoticeFor, and while it is among the last
	// lateNoticeNear entries. After that a new notice follows it.
	lateNoticeFor   = 10 * time.Second
	lateNoticeNear  = 32
	lateNoticeNames = 3 // authors named in a notice
)

// historyHeader stands above the messages sent before the program started.
type historyHeader struct {
	at         int // index of the first of those messages, -1 for none
	messages   int
	unverified int
}

// count adds n to the header's counts if the entry belongs below it.
func (h *historyHeader) count(e *entry, n int) {
	if e.kind != messageEntry || !e.predates {
		return
	}
	h.messages += n
	if e.from.signature != event.Verified {
		h.unverified += n
	}
}

// drop counts an entry out that left the log.
func (h *historyHeader) drop(e *entry) {
	if h.count(e, -1); h.messages == 0 {
		h.at = -1
	}
}

// lateNotice is the newest notice of late messages, with what it says.
type lateNotice struct {
	entry    *entry
	authors  []*origin // at most one more than lateNoticeNames
	messages int
	from, to int64 // ms
}

// AddOlder takes in messages from disk that stand above what is loaded, or among it, in any order. The
// reader's place stays on the screen. An empty batch says that the disk has no more.
func (p *Pane) AddOlder(lines []event.Line) {
	if len(lines) == 0 {
		p.noOlder = true
		return
	}
	p.viewport.update()
	entries := make([]*entry, 0, len(lines))
	p.makeEntries(lines, true, func(e *entry) { entries = append(entries, e) })
	p.mergeEntries(entries)
}

// WantsOlder reports whether the reader is so near the top of what is loaded that more should be read
// from disk and given to AddOlder. The caller has at most one read under way.
func (p *Pane) WantsOlder() bool {
	if p.OlderCapacity() == 0 {
		return false
	}
	p.viewport.update()
	return p.viewport.visible.top < 3*max(p.viewport.height, 10)
}

// OlderCapacity returns how many messages AddOlder still takes. It is 0 once the disk has no more, and
// after a Clear.
func (p *Pane) OlderCapacity() int {
	if p.noOlder || p.viewport.floor > 0 || p.log.bytes >= maxBytes {
		return 0
	}
	return max(maxMessages-len(p.log.entries)-len(p.ignored.entries), 0)
}

// announceLate says at the bottom that messages were put in further up. History that comes within the
// first seconds has a header, and needs no notice.
func (p *Pane) announceLate(batch []*entry) {
	a := &p.late
	now := millis(p.cfg.Now())
	if now-p.renderer.opened.UnixMilli() < catchUpFor.Milliseconds() {
		batch = slices.DeleteFunc(batch, func(e *entry) bool { return e.predates })
	}
	if len(batch) == 0 {
		return
	}
	if a.entry == nil || now-a.entry.arrived > lateNoticeFor.Milliseconds() ||
		!p.log.isRecent(a.entry, lateNoticeNear, p.viewport.floor) {
		*a = lateNotice{entry: &entry{kind: lateArrival, arrived: now}, from: batch[0].sent, to: batch[0].sent}
		p.appendEntry(a.entry)
	}
	for _, e := range batch {
		a.messages++
		a.from, a.to = min(a.from, e.sent), max(a.to, e.sent)
		known := slices.ContainsFunc(a.authors, func(o *origin) bool { return o.author.id == e.from.author.id })
		if !known && len(a.authors) <= lateNoticeNames {
			a.authors = append(a.authors, e.from)
		}
	}
	p.updateNotice(a.entry, now, p.renderer.lateNoticeText(a))
}

// lateNoticeText writes "3 earlier lines arrived from bob · 14:02–14:31".
func (r *renderer) lateNoticeText(a *lateNotice) sanitize.SafeText {
	var names []string
	for _, o := range a.authors {
		names = append(names, r.authorLabel(o, maxName).String())
	}
	last := len(names) - 1
	if last == lateNoticeNames {
		names[last] = "others"
	}
	who := names[last]
	if last > 0 {
		who = strings.Join(names[:last], ", ") + " and " + who
	}
	from, to, dash := r.formatMoment(a.from), r.formatMoment(a.to), "–"
	if r.cfg.Theme.ASCII {
		dash = "-"
	}
	if from != to {
		from += dash + to
	}
	return sanitize.Linef("%s arrived from %s %s %s", countNoun(a.messages, "earlier line"), who, r.cfg.Theme.Dot, from)
}
