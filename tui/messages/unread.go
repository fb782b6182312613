package messages

// SetAway says whether nobody looks: the terminal lost its focus, or something covers the pane.
// Lines that come then are unread, and the first has a divider above it.
func (p *Pane) SetAway(on bool) {
	p.look()
	p.away = on
	if !on && p.view.end {
		p.unread = 0
	}
}

// CountUnread is how many lines of others came while nobody looked or the reader was further up.
func (p *Pane) CountUnread() int {
	p.look()
	return p.unread
}

// arrived counts entry e, which now stands at i.
func (p *Pane) arrived(e *entry, i int) {
	p.view.stale = true
	if !e.ofOthers() {
		return
	}
	end := p.view.end
	if !end || !p.follow {
		p.below++
	}
	if end && !p.follow { // it may have been just enough to fill the screen
		p.look()
		end = p.view.end
	}
	if !p.away && end {
		return
	}
	if p.unread == 0 {
		if end {
			p.dividers = p.dividers[:0]
		}
		p.dividers = append(p.dividers, i)
	} else if n := len(p.dividers); n > 0 && i < p.dividers[n-1] {
		p.dividers[n-1] = i // it went up a little, to its place
	}
	p.unread++
}

// noteSeen counts what is on the screen as seen.
func (p *Pane) noteSeen() {
	if p.view.end {
		p.seen, p.below = len(p.log.entries)-1, 0
	} else {
		for p.seen < p.view.seen {
			p.seen++
			if p.log.entries[p.seen].ofOthers() {
				p.below = max(p.below-1, 0)
			}
		}
	}
	if !p.away {
		p.unread = min(p.unread, p.below)
	}
}

// recount counts anew what is below the screen, after entries were taken out.
func (p *Pane) recount() {
	if p.seen >= len(p.log.entries) {
		p.seen = len(p.log.entries) - 1
	}
	p.below = 0
	for _, e := range p.log.entries[p.seen+1:] {
		if e.ofOthers() {
			p.below++
		}
	}
	p.unread = min(p.unread, len(p.log.entries))
}
