package messages

import (
	"slices"
	"sort"

	"chat.lan/p2pchat/net/search"
)

// finder looks for a text in the log, and walks through its hits.
type finder struct {
	on    bool
	query search.Text
	hits  []int // entries, in order
	at    int   // the hit that is shown, -1 before the first NextHit

	anchor anchor // where the reader was before
	follow bool
}

// Search marks the messages that have the text in any case, and counts them. It doesn't scroll:
// NextHit goes to a hit. query must not be empty.
func (p *Pane) Search(query string) (hits int) {
	f, v := &p.finder, &p.viewport
	v.update()
	if !f.on {
		f.follow = v.following || v.pinned
		f.anchor = v.anchor
		if len(p.log.entries) > v.floor {
			f.anchor = v.topAnchor()
		}
	}
	f.on, f.query, f.hits, f.at = true, search.NewText(query), f.hits[:0], -1
	for i := v.floor; i < len(p.log.entries); i++ {
		if f.matches(p.log.entries[i]) {
			f.hits = append(f.hits, i)
		}
	}
	p.restyle()
	return len(f.hits)
}

// NextHit selects the hit that is delta further down, and wraps around at the ends. The first call
// selects the last hit above the bottom of the screen.
func (p *Pane) NextHit(delta int) {
	f, v := &p.finder, &p.viewport
	n := len(f.hits)
	if n == 0 {
		return
	}
	v.update()
	if f.at < 0 {
		f.at = max(sort.SearchInts(f.hits, v.visible.last+1)-1, 0)
	} else {
		f.at = ((f.at+delta)%n + n) % n
	}
	v.choose(f.hits[f.at], v.entryRows()/3)
}

// HitPosition returns the number of the hit that is shown, from 1 on, or 0 if none is. It also returns
// how many hits there are.
func (p *Pane) HitPosition() (at, of int) { return p.finder.at + 1, len(p.finder.hits) }

// CancelSearch ends the search and goes back to where the reader was before it.
func (p *Pane) CancelSearch() {
	if !p.finder.on {
		return
	}
	v, before, follow := &p.viewport, p.finder.anchor, p.finder.follow
	p.EndSearch()
	v.selected, v.pinned = -1, false
	if follow {
		v.follow()
	} else {
		v.moveTo(before)
	}
}

// EndSearch ends the search and stays at the hit, which stays selected.
func (p *Pane) EndSearch() {
	if p.finder.on {
		p.finder = finder{at: -1}
		p.restyle()
	}
}

// matches reports whether an entry is a hit of the search under way.
func (f *finder) matches(e *entry) bool {
	if !f.on || e.kind != messageEntry {
		return false
	}
	from, _ := f.query.Find(e.text, 0)
	return from >= 0
}

// addHit takes in a hit that is new in the log.
func (f *finder) addHit(i int) {
	at, _ := slices.BinarySearch(f.hits, i)
	f.hits = slices.Insert(f.hits, at, i)
	if f.at >= at {
		f.at++
	}
}

// dropHits removes the hits whose entries have gone.
func (f *finder) dropHits(gone func(int) bool) {
	kept := f.hits[:0]
	at := f.at
	for j, i := range f.hits {
		if !gone(i) {
			kept = append(kept, i)
		} else if j <= f.at {
			at--
		}
	}
	f.hits, f.at = kept, at
}

// shift moves the hits after the log has changed.
func (f *finder) shift(to func(int) int) {
	for j, i := range f.hits {
		f.hits[j] = to(i)
	}
	f.anchor.entry = to(f.anchor.entry)
}
