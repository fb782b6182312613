package messages

// ScrollLines moves the screen by rows: up, to what is older, if n is below zero.
func (p *Pane) ScrollLines(n int) {
	p.look()
	if n < 0 && p.floor > 0 && p.view.top <= p.floor {
		p.uncover()
	}
	p.look()
	v := p.view
	if n == 0 || len(p.log.entries) <= p.floor || (v.end && n > 0) || v.blank > 0 {
		return
	}
	p.pinned = false
	i, row := v.top, v.skip+n
	for row < 0 && i > p.floor {
		i--
		row += p.height(i)
	}
	row = max(row, 0)
	for i < len(p.log.entries)-1 && row >= p.height(i) {
		row -= p.height(i)
		i++
	}
	row = min(row, p.height(i)-1)
	p.moveTo(p.placeOf(i, row))
}

// ScrollPages moves the screen by pages, which overlap by a row.
func (p *Pane) ScrollPages(n int) { p.ScrollLines(n * max(p.room()-1, 1)) }

// ScrollToStart shows the beginning of what is loaded.
func (p *Pane) ScrollToStart() {
	p.uncover()
	if len(p.log.entries) > 0 {
		p.pinned = false
		p.moveTo(place{row: -p.between(0)})
	}
}

// ScrollToEnd shows the end, and follows it.
func (p *Pane) ScrollToEnd() {
	p.follow, p.pinned = true, false
	p.view.stale = true
	p.look()
}

// AtEnd reports whether the end is on the screen.
func (p *Pane) AtEnd() bool {
	p.look()
	return p.view.end
}

// CountBelow is how many lines of others are below the screen that were never on it.
func (p *Pane) CountBelow() int {
	p.look()
	return p.below
}

// moveTo shows the log from a place on, or follows the end if that is no further than a screen.
func (p *Pane) moveTo(at place) {
	p.anchor, p.follow = at, false
	p.view.stale = true
	p.look()
	if p.view.end {
		p.follow = true
		p.view.stale = true
	}
}

// uncover shows again what Clear took away.
func (p *Pane) uncover() {
	if p.floor > 0 {
		p.floor = 0
		p.view.stale = true
	}
}

// show brings entry i on the screen if it isn't wholly there, with that many rows above it.
func (p *Pane) show(i, above int) {
	p.look()
	v := p.view
	if i > v.top && i < v.last || (v.end && i > v.top && i <= v.last) {
		return
	}
	if i == v.top && v.skip <= p.between(i) && i < v.last {
		return
	}
	if i == v.last && i > v.top { // it may be cut at the bottom
		rows := -v.skip
		for j := v.top; j <= i; j++ {
			rows += p.height(j)
		}
		if rows <= p.room() {
			return
		}
		above = max(above, p.room()-p.height(i))
	} else if i > v.last {
		above = max(above, p.room()-p.height(i))
	}
	row := p.between(i) - above
	for row < 0 && i > p.floor {
		i--
		row += p.height(i)
	}
	p.moveTo(p.placeOf(i, max(row, 0)))
}
