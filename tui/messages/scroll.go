package messages

// ScrollLines moves the screen by n rows: up, to what is older, if n is below zero.
func (p *Pane) ScrollLines(n int) {
	v := &p.viewport
	v.update()
	if n < 0 && v.floor > 0 && v.visible.top <= v.floor { // show again what Clear hid
		v.floor, v.stale = 0, true
		v.update()
	}
	if n == 0 || len(p.log.entries) <= v.floor || v.visible.end && n > 0 || v.visible.blank > 0 {
		return
	}
	v.pinned = false
	i, row := v.visible.top, v.visible.skip+n
	for i < len(p.log.entries)-1 && row >= v.renderer.height(i) {
		row -= v.renderer.height(i)
		i++
	}
	v.moveTo(v.anchorAt(i, min(row, v.renderer.height(i)-1)))
}

// ScrollPages moves the screen by n pages, which overlap by a row.
func (p *Pane) ScrollPages(n int) { p.ScrollLines(n * max(p.viewport.entryRows()-1, 1)) }

// ScrollToStart shows the beginning of what is loaded.
func (p *Pane) ScrollToStart() {
	v := &p.viewport
	v.floor, v.stale = 0, true
	if len(p.log.entries) > 0 {
		v.pinned = false
		v.moveTo(anchor{row: -v.renderer.separatorHeight(0)})
	}
}

// ScrollToEnd shows the end, and follows it.
func (p *Pane) ScrollToEnd() { p.viewport.follow() }

// AtEnd reports whether the end is on the screen.
func (p *Pane) AtEnd() bool {
	p.viewport.update()
	return p.viewport.visible.end
}

// follow shows the end from now on.
func (v *viewport) follow() {
	v.following, v.pinned, v.stale = true, false, true
	v.update()
}

// moveTo shows the log from an anchor on, or follows the end if that is no further than a screen.
func (v *viewport) moveTo(at anchor) {
	v.anchor, v.following, v.stale = at, false, true
	v.update()
	if v.visible.end {
		v.following, v.stale = true, true
	}
}

// reveal brings entry i on the screen if it isn't wholly there, with that many rows above it.
func (v *viewport) reveal(i, above int) {
	v.update()
	s := v.visible
	if i > s.top && i < s.last || (s.end && i > s.top && i <= s.last) {
		return
	}
	if i == s.top && s.skip <= v.renderer.separatorHeight(i) && i < s.last {
		return
	}
	if i == s.last && i > s.top { // it may be cut at the bottom
		rows := -s.skip
		for j := s.top; j <= i; j++ {
			rows += v.renderer.height(j)
		}
		if rows <= v.entryRows() {
			return
		}
		above = max(above, v.entryRows()-v.renderer.height(i))
	} else if i > s.last {
		above = max(above, v.entryRows()-v.renderer.height(i))
	}
	v.moveTo(v.anchorAt(i, v.renderer.separatorHeight(i)-above))
}
