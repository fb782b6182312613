package messages

import "chat.lan/p2pchat/net/event"

// selection is the message that the reader picked.
type selection struct {
	log      *log
	viewport *viewport
	index    int // in the log, -1 for none
}

// MoveSelection moves the selection by that many messages, down if delta is above zero. It begins at
// the last message on the screen. The selected message stays on the screen while others arrive, so a
// selection at the end stops following it.
func (p *Pane) MoveSelection(delta int) { p.selection.move(delta) }

// ClearSelection ends the selection. If the selection had stopped the following of the end, and
// nothing came since, the end is followed again.
func (p *Pane) ClearSelection() { p.selection.clear() }

// Selected returns the selected message, as it came, and false if there is none.
func (p *Pane) Selected() (event.Line, bool) {
	if p.selection.index < 0 {
		return event.Line{}, false
	}
	return p.log.entries[p.selection.index].toEvent(), true
}

func (s *selection) move(delta int) {
	s.viewport.update()
	entries, floor := s.log.entries, s.viewport.floor
	if delta == 0 || len(entries) <= floor {
		return
	}
	i, step := s.index, 1
	if delta < 0 {
		step, delta = -1, -delta
	}
	if i < 0 {
		i, step, delta = s.viewport.visible.last+1, -1, 1
	}
	for at := i + step; at >= floor && at < len(entries); at += step {
		if entries[at].kind != messageEntry {
			continue
		}
		i = at
		if delta--; delta == 0 {
			break
		}
	}
	if i < len(entries) && entries[i].kind == messageEntry {
		s.choose(i, 0)
	}
}

// choose selects entry i and brings it on the screen. If the screen has to move, that many rows stand
// above the entry.
func (s *selection) choose(i, above int) {
	s.viewport.pin()
	s.index = i
	s.viewport.stale = true
	s.viewport.reveal(i, above)
}

func (s *selection) clear() {
	if s.index < 0 {
		return
	}
	v := s.viewport
	s.index = -1
	v.stale = true
	if v.pinned {
		if v.update(); v.below == 0 {
			v.follow()
		}
	}
	v.pinned = false
}
