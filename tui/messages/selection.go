package messages

import "chat.lan/p2pchat/net/event"

// MoveSelection moves the selection by that many lines, down if delta is above zero. Without one it begins
// at the last line on the screen. The selected line stays on the screen while others arrive: a
// selection at the end stops following it.
func (p *Pane) MoveSelection(delta int) {
	p.look()
	if delta == 0 || len(p.log.entries) <= p.floor {
		return
	}
	i, step := p.sel, 1
	if delta < 0 {
		step, delta = -1, -delta
	}
	if i < 0 {
		i, step, delta = p.view.last+1, -1, 1
	}
	for at := i + step; at >= p.floor && at < len(p.log.entries); at += step {
		if p.log.entries[at].kind != said {
			continue
		}
		i = at
		if delta--; delta == 0 {
			break
		}
	}
	if i < len(p.log.entries) && p.log.entries[i].kind == said {
		p.choose(i, 0)
	}
}

// choose selects entry i and brings it on the screen, with rows above it where it has to be moved.
func (p *Pane) choose(i, above int) {
	p.look()
	if p.follow {
		// The place is that of the screen as it is, so nothing moves, now or when lines arrive.
		p.anchor, p.follow, p.pinned = p.placeOf(p.view.top, p.view.skip), false, true
	}
	p.sel = i
	p.view.stale = true
	p.show(i, above)
}

// ClearSelection ends the selection. If that had stopped following the end, and nothing came since, the
// end is followed again.
func (p *Pane) ClearSelection() {
	if p.sel < 0 {
		return
	}
	p.sel = -1
	p.view.stale = true
	if p.pinned && p.CountBelow() == 0 {
		p.ScrollToEnd()
	}
	p.pinned = false
}

// Selected is the selected line, as it came.
func (p *Pane) Selected() (event.Line, bool) {
	if p.sel < 0 {
		return event.Line{}, false
	}
	return p.log.entries[p.sel].line(), true
}
