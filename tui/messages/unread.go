package messages

import "slices"

// SetAway sets whether the reader is away: the terminal lost its focus, or the pane is covered.
// Messages that come then are unread, and the first has a divider above it.
func (p *Pane) SetAway(on bool) {
	p.viewport.update()
	p.viewport.away = on
	if !on && p.viewport.visible.end {
		p.viewport.unread = 0
	}
}

// CountUnread counts the messages of peers that came while the reader was away or further up.
func (p *Pane) CountUnread() int {
	p.viewport.update()
	return p.viewport.unread
}

// countArrival counts entry e, which now stands at index i.
func (v *viewport) countArrival(e *entry, i int) {
	v.stale = true
	if !e.isNews() {
		return
	}
	end := v.visible.end
	if !end || !v.following {
		v.below++
	}
	if end && !v.following { // the entry may have been just enough to fill the screen
		v.update()
		end = v.visible.end
	}
	if !v.away && end {
		return
	}
	if v.unread == 0 {
		if end {
			v.dividers = v.dividers[:0]
		}
		v.dividers = append(v.dividers, i)
	} else if n := len(v.dividers); n > 0 && i < v.dividers[n-1] {
		v.dividers[n-1] = i // the entry went up a little, to where it belongs
	}
	v.unread++
}

// noteSeen counts what is on the screen as seen.
func (v *viewport) noteSeen() {
	if v.visible.end {
		v.lastSeen, v.below = len(v.log.entries)-1, 0
	} else {
		for v.lastSeen < v.visible.seen {
			v.lastSeen++
			if v.log.entries[v.lastSeen].isNews() {
				v.below = max(v.below-1, 0)
			}
		}
	}
	if !v.away {
		v.unread = min(v.unread, v.below)
	}
}

// recount counts anew what is below the screen, after entries were removed.
func (v *viewport) recount() {
	v.lastSeen = min(v.lastSeen, len(v.log.entries)-1)
	v.below = 0
	for _, e := range v.log.entries[v.lastSeen+1:] {
		if e.isNews() {
			v.below++
		}
	}
	v.unread = min(v.unread, len(v.log.entries))
}

// isDivided reports whether "new" stands above entry i.
func (v *viewport) isDivided(i int) bool { return slices.Contains(v.dividers, i) }
