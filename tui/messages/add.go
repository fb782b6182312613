package messages

import (
	"slices"
	"sort"

	"chat.lan/p2pchat/net/event"
)

// Add takes in lines, others' and own, in the order in which they arrived. A line that is there
// already is not taken twice. What came by catching up (History) goes to its place and is
// announced at the bottom; everything else stands at the end. Whoever has scrolled up stays where
// they are.
func (p *Pane) Add(lines []event.Line) {
	if len(lines) == 0 {
		return
	}
	p.look()
	var (
		slab    = make([]entry, len(lines)) // one allocation for all
		earlier []*entry
		used    int
	)
	for i := range lines {
		e := &slab[used]
		p.newEntry(e, &lines[i])
		if !p.log.learn(e) {
			*e = entry{}
			continue
		}
		used++
		e.late = !e.history && !e.from.own && e.off() > lateBy
		if e.from.own && !e.history {
			p.own.add(e)
		}
		switch {
		case p.ignored[e.from.who.id]:
			p.hide(e)
		case e.history:
			e.before = e.sent < p.came.UnixMilli()
			earlier = append(earlier, e)
		default:
			p.append(e)
		}
	}
	if len(earlier) > 0 {
		p.putIn(earlier)
		p.announce(earlier)
	}
	p.trim()
	p.view.stale = true
}

// append puts an entry at the end, or nearly, and counts it if nobody sees it.
func (p *Pane) append(e *entry) {
	if e.from != nil {
		p.measure(e.from)
	}
	floor := p.floor
	if !p.follow {
		floor = p.seen + 1 // nothing moves that somebody reads
	}
	i := p.log.add(e, floor)
	if i < len(p.log.entries)-1 {
		p.shift(func(at int) int {
			if at >= i {
				at++
			}
			return at
		})
	}
	p.arrived(e, i)
	if p.find.on && p.matches(e) {
		p.find.put(i)
	}
}

// putIn merges lines into the log by their places, in whatever order they come.
func (p *Pane) putIn(batch []*entry) {
	if len(batch) == 0 {
		return
	}
	if !slices.IsSortedFunc(batch, byPlace) {
		slices.SortStableFunc(batch, byPlace)
	}
	for _, e := range batch {
		p.measure(e.from)
	}
	positions := p.log.merge(batch)
	p.shift(func(at int) int {
		return at + sort.SearchInts(positions, at+1)
	})
	for j, e := range batch {
		i := positions[j] + j
		p.before.add(e, 1)
		if e.before && (p.before.at < 0 || i < p.before.at) {
			p.before.at = i
		}
		if p.find.on && p.matches(e) {
			p.find.put(i)
		}
	}
	p.view.stale = true
}

// takeOut removes entries from the log.
func (p *Pane) takeOut(out func(*entry) bool) []*entry {
	if p.sel >= 0 && out(p.log.entries[p.sel]) {
		p.ClearSelection()
	}
	taken, removed := p.log.take(out)
	for _, e := range taken {
		p.before.gone(e)
	}
	p.find.drop(func(at int) bool { return removed[at+1] > removed[at] })
	p.shift(func(at int) int { return at - removed[at] })
	p.recount()
	return taken
}

// trim drops the oldest entries once there are too many, but not while somebody reads near them:
// then it waits, though not for ever.
func (p *Pane) trim() {
	n := p.log.excess()
	if n == 0 {
		return
	}
	if !p.follow && p.anchor.entry < n+p.h && len(p.log.entries) < 2*maxLines && p.log.bytes < 2*maxBytes {
		return
	}
	for _, e := range p.log.entries[:n] {
		p.own.gone(e)
		p.before.gone(e)
	}
	if p.sel < n {
		p.ClearSelection()
	}
	p.find.drop(func(at int) bool { return at < n })
	p.dividers = slices.DeleteFunc(p.dividers, func(at int) bool { return at < n })
	p.log.drop(n)
	p.shift(func(at int) int { return max(at-n, 0) })
	p.noOlder = false // they may be on disk
	p.bodies.clear()
	p.view.stale = true
}

// shift moves everything that points into the log. It is called after the log has changed, with
// what became of an index.
func (p *Pane) shift(to func(int) int) {
	for _, at := range []*int{&p.anchor.entry, &p.seen, &p.sel, &p.before.at, &p.view.top, &p.view.last} {
		if *at >= 0 {
			*at = to(*at)
		}
	}
	if p.floor > 0 {
		p.floor = to(p.floor)
	}
	for i, at := range p.dividers {
		p.dividers[i] = to(at)
	}
	p.dividers = slices.Compact(p.dividers)
	p.find.shift(to)
	p.view.stale = true
}
