package messages

import (
	"slices"
	"sort"

	"chat.lan/p2pchat/net/search"
)

// find is a search and where it stands.
type find struct {
	on    bool
	query search.Text
	hits  []int // entries, in order
	at    int   // the hit that is shown, -1 before the first Next

	anchor place // where the reader was before
	follow bool
}

// Search marks the lines that have the text in any case, and counts them. It moves nothing: Next goes
// to a hit. An empty text ends the search.
func (p *Pane) Search(query string) (hits int) {
	if query == "" {
		p.CancelSearch()
		return 0
	}
	p.look()
	f := &p.find
	if !f.on {
		f.follow = p.follow || p.pinned
		f.anchor = p.anchor
		if len(p.log.entries) > p.floor {
			f.anchor = p.placeOf(p.view.top, p.view.skip)
		}
	}
	f.on, f.query, f.hits, f.at = true, search.NewText(query), f.hits[:0], -1
	for i := p.floor; i < len(p.log.entries); i++ {
		if p.matches(p.log.entries[i]) {
			f.hits = append(f.hits, i)
		}
	}
	p.restyle()
	return len(f.hits)
}

// NextHit selects the hit that is delta further down, round the end to the other; the first time, the
// last one above the bottom of the screen, or with delta below zero above its top.
func (p *Pane) NextHit(delta int) {
	f := &p.find
	if !f.on || len(f.hits) == 0 || delta == 0 {
		return
	}
	p.look()
	n := len(f.hits)
	if f.at < 0 {
		f.at = sort.SearchInts(f.hits, p.view.last+1) - 1
		if f.at < 0 {
			f.at = 0
		}
	} else {
		f.at = ((f.at+delta)%n + n) % n
	}
	p.choose(f.hits[f.at], p.room()/3)
}

// HitPosition is the hit that is shown, from 1 on, or 0 if none is, and how many there are.
func (p *Pane) HitPosition() (at, of int) { return p.find.at + 1, len(p.find.hits) }

// CancelSearch ends the search and goes back to where the reader was before it.
func (p *Pane) CancelSearch() {
	if !p.find.on {
		return
	}
	f := p.find
	p.EndSearch()
	p.sel, p.pinned = -1, false
	if f.follow {
		p.ScrollToEnd()
		return
	}
	p.moveTo(f.anchor)
}

// EndSearch ends the search and stays at the hit, which stays selected.
func (p *Pane) EndSearch() {
	if p.find.on {
		p.find = find{at: -1}
		p.restyle()
	}
}

// matches tells whether an entry is a hit.
func (p *Pane) matches(e *entry) bool {
	if e.kind != said {
		return false
	}
	from, _ := p.find.query.Find(e.text, 0)
	return from >= 0
}

// put takes in a new hit.
func (f *find) put(i int) {
	at, _ := slices.BinarySearch(f.hits, i)
	f.hits = slices.Insert(f.hits, at, i)
	if f.at >= at {
		f.at++
	}
}

// drop takes out hits that are gone.
func (f *find) drop(gone func(int) bool) {
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

// shift moves the hits with the log.
func (f *find) shift(to func(int) int) {
	for j, i := range f.hits {
		f.hits[j] = to(i)
	}
	f.anchor.entry = to(f.anchor.entry)
}
