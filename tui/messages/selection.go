package messages

import "chat.lan/p2pchat/net/event"

// MoveSelection selects the message above the selected one, or for a step of 1 the message below. It
// begins at the last message on the screen or above, else at the first below. The selected message stays on
// the screen while others arrive, so a selection at the end stops following it.
func (p *Pane) MoveSelection(step int) {
	v := &p.viewport
	v.update()
	to, i := v.selected, v.selected+step
	if to < 0 {
		i, step = v.visible.last, -1
	}
	for ; i >= v.floor && i < len(p.log.entries); i += step {
		if p.log.entries[i].kind == messageEntry {
			to = i
			break
		}
	}
	for i = v.visible.last + 1; to < 0 && i < len(p.log.entries); i++ {
		if p.log.entries[i].kind == messageEntry {
			to = i
		}
	}
	if to >= 0 {
		v.choose(to, 0)
	}
}

// ClearSelection ends the selection. If the selection had stopped the following of the end, and
// nothing came since, the end is followed again.
func (p *Pane) ClearSelection() {
	v := &p.viewport
	if v.selected < 0 {
		return
	}
	v.selected, v.stale = -1, true
	if v.pinned {
		if v.update(); v.below == 0 {
			v.follow()
		}
	}
	v.pinned = false
}

// Selected returns the selected message, as it came, and false if there is none.
func (p *Pane) Selected() (event.Line, bool) {
	if p.viewport.selected < 0 {
		return event.Line{}, false
	}
	return p.log.entries[p.viewport.selected].toEvent(), true
}

// choose selects entry i and brings it on the screen. If the screen has to move, that many rows stand
// above the entry.
func (v *viewport) choose(i, above int) {
	v.update()
	if v.following { // the screen stays as it is, now and when messages arrive
		v.anchor, v.following, v.pinned = v.topAnchor(), false, true
	}
	v.selected, v.stale = i, true
	v.reveal(i, above)
}
