package messages

import (
	"slices"
	"sort"

	"chat.lan/p2pchat/net/event"
)

// Add takes in messages, local ones and those of peers, in the order in which they arrived. A message
// that is there already is skipped. History goes to its place in the log and is announced at the
// bottom; everything else stands at the end. The screen of a reader further up doesn't move.
func (p *Pane) Add(lines []event.Line) {
	if len(lines) == 0 {
		return
	}
	p.viewport.update()
	var earlier []*entry
	p.makeEntries(lines, false, func(e *entry) {
		if !e.history {
			p.appendEntry(e)
			return
		}
		e.predates = e.sent < p.renderer.opened.UnixMilli()
		earlier = append(earlier, e)
	})
	if len(earlier) > 0 {
		p.mergeEntries(earlier)
		p.announceLate(earlier)
	}
	p.trim()
	p.viewport.stale = true
}

// makeEntries makes entries of the messages that aren't there yet, and hands each to show, but for those of
// ignored peers.
func (p *Pane) makeEntries(lines []event.Line, history bool, show func(*entry)) {
	slab := make([]entry, len(lines)) // one allocation for all
	for i := range lines {
		e := &slab[0]
		p.fillEntry(e, &lines[i])
		if !p.log.learnID(e) {
			*e = entry{}
			continue
		}
		slab = slab[1:]
		e.history = e.history || history
		e.late = !e.history && !e.from.own && max(e.arrived-e.sent, e.sent-e.arrived) > lateBy.Milliseconds()
		if e.from.own && !e.history {
			p.own.add(e)
		}
		if p.ignored.ids[e.from.author.id] {
			p.ignored.entries = append(p.ignored.entries, e)
			p.boundHidden()
		} else {
			show(e)
		}
	}
}

// appendEntry puts an entry at the end, or nearly, and counts it as unread if it is off the screen.
func (p *Pane) appendEntry(e *entry) {
	if e.from != nil {
		p.renderer.measureName(e.from)
	}
	floor := p.viewport.floor
	if !p.viewport.following {
		floor = p.viewport.lastSeen + 1 // nothing that is being read moves
	}
	i := p.log.add(e, floor)
	if i < len(p.log.entries)-1 {
		p.shiftIndexes(func(at int) int {
			if at >= i {
				at++
			}
			return at
		})
	}
	p.viewport.countArrival(e, i)
	if p.finder.matches(e) {
		p.finder.addHit(i)
	}
}

// mergeEntries puts messages where they belong in the log, in whatever order they come.
func (p *Pane) mergeEntries(batch []*entry) {
	if len(batch) == 0 {
		return
	}
	if !slices.IsSortedFunc(batch, compareEntries) {
		slices.SortStableFunc(batch, compareEntries)
	}
	for _, e := range batch {
		p.renderer.measureName(e.from)
	}
	positions := p.log.merge(batch)
	p.shiftIndexes(func(at int) int {
		return at + sort.SearchInts(positions, at+1)
	})
	header := &p.renderer.header
	for j, e := range batch {
		i := positions[j] + j
		header.count(e, 1)
		if e.predates && (header.at < 0 || i < header.at) {
			header.at = i
		}
		if p.finder.matches(e) {
			p.finder.addHit(i)
		}
	}
	p.viewport.stale = true
}

// removeEntries removes entries from the log and returns them.
func (p *Pane) removeEntries(out func(*entry) bool) []*entry {
	if s := p.viewport.selected; s >= 0 && out(p.log.entries[s]) {
		p.ClearSelection()
	}
	taken, removed := p.log.remove(out)
	for _, e := range taken {
		p.renderer.header.drop(e)
	}
	p.finder.dropHits(func(at int) bool { return removed[at+1] > removed[at] })
	p.shiftIndexes(func(at int) int { return at - removed[at] })
	p.viewport.recount()
	return taken
}

// trim drops the oldest entries once there are too many. While they are being read it waits, though
// not beyond twice the limit.
func (p *Pane) trim() {
	n := p.log.excess()
	if n == 0 {
		return
	}
	v := &p.viewport
	if !v.following && v.anchor.entry < n+v.height && len(p.log.entries) < 2*maxMessages && p.log.bytes < 2*maxBytes {
		return
	}
	for _, e := range p.log.entries[:n] {
		p.own.drop(e)
		p.renderer.header.drop(e)
	}
	if v.selected < n {
		p.ClearSelection()
	}
	p.finder.dropHits(func(at int) bool { return at < n })
	v.dividers = slices.DeleteFunc(v.dividers, func(at int) bool { return at < n })
	p.log.dropOldest(n)
	p.shiftIndexes(func(at int) int { return max(at-n, 0) })
	p.noOlder = false // they may be on disk
	p.restyle()
}

// shiftIndexes moves every index into the log after the log has changed. The function to maps an old
// index to the new one.
func (p *Pane) shiftIndexes(to func(int) int) {
	p.viewport.shift(to)
	if at := &p.renderer.header.at; *at >= 0 {
		*at = to(*at)
	}
	p.finder.shift(to)
}
