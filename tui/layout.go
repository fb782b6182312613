package tui

// Sizes, in cells and rows.
const (
	minWidth, minHeight = 36, 8 // under either, a plain notice
	sideWidth           = 59    // from here a side pane stands beside the messages: half of 120 columns, less the rule between
	bothWidth           = 99    // from here both of them do: half of 200
	sideColumns         = 26    // the width of the side panes
	maxBanner           = 2     // rows of the banner
)

// pane is a part of the screen that can have the focus.
type pane int

// The panes, in the order in which Tab goes through them.
const (
	paneCompose pane = iota
	panePeers
	paneProposals
	paneMessages
	panes // how many there are
)

// rect is a part of the screen. One without cells is not shown.
type rect struct{ X, Y, W, H int }

func (r rect) shown() bool { return r.W > 0 && r.H > 0 }

// shape is what the layout depends on.
type shape struct {
	Width, Height int
	Focus         pane
	Side          pane // the side pane to show where there is room for one: panePeers or paneProposals
	Compose       int  // rows that the composer would like
	Status        int  // rows that the status line would like, at least one
	Banner        int  // rows that the banner would like; 0 without one
	Proposals     int  // rows that the proposals pane would like under the peers; 0: it isn't there, and the peers have its place
	List          int  // rows that the composer's list would like
	Overlay       int  // rows, with its heading, that an open overlay would like; 0 without one
}

// layout says where everything is. All parts together cover each cell of the screen at most once,
// but for List, which covers the rows just above the status line.
type layout struct {
	TooSmall  bool
	Title     rect
	Banner    rect
	TopRule   rect // between the top and the panes; not shown where rows are scarce
	Messages  rect
	Overlay   rect
	Divider   rect // one column between the messages and the side
	Peers     rect
	SideRule  rect // one row between peers and proposals
	Proposals rect
	LowRule   rect // between the panes and the status line
	Status    rect
	Compose   rect
	List      rect
}

// arrange returns the layout for a shape. It is a pure function, and nothing else knows where parts are.
func arrange(s shape) layout {
	var l layout
	w, h := s.Width, s.Height
	if w < minWidth || h < minHeight {
		l.TooSmall = true
		return l
	}
	top, bottom := 0, h
	l.Title = rect{0, 0, w, 1}
	top = 1
	if s.Banner > 0 {
		l.Banner = rect{0, top, w, min(s.Banner, maxBanner)}
		top += l.Banner.H
	}
	// The composer may take a third of what is left, so that the messages that a person answers stay in sight.
	compose := min(max(s.Compose, 1), max((bottom-top)/3, 1))
	l.Compose = rect{0, bottom - compose, w, compose}
	status := min(max(s.Status, 1), max((bottom-top-compose)/3, 1))
	l.Status = rect{0, bottom - compose - status, w, status}
	bottom -= compose + status
	if bottom-top >= 8 { // rules are the first to go where rows are scarce
		l.TopRule = rect{0, top, w, 1}
		l.LowRule = rect{0, bottom - 1, w, 1}
		top, bottom = top+1, bottom-1
	}

	main := rect{0, top, w, bottom - top}
	side := rect{}
	switch {
	case w >= sideWidth:
		main.W = w - sideColumns - 1
		l.Divider = rect{main.W, top, 1, main.H}
		side = rect{main.W + 1, top, sideColumns, main.H}
	case s.Focus == panePeers || s.Focus == paneProposals:
		main, side = rect{}, main
	}
	l.Messages = main
	switch {
	case w >= bothWidth && s.Proposals > 0 && side.H >= 6:
		// The lower pane takes what it needs, up to half.
		n := min(s.Proposals, side.H/2)
		l.Peers = rect{side.X, side.Y, side.W, side.H - n - 1}
		l.SideRule = rect{side.X, side.Y + side.H - n - 1, side.W, 1}
		l.Proposals = rect{side.X, side.Y + side.H - n, side.W, n}
	case s.Proposals > 0 && s.Side == paneProposals:
		l.Proposals = side
	default:
		l.Peers = side
	}

	if s.Overlay > 0 {
		l.overlay(s.Overlay)
	}
	if n := min(s.List, bottom-top); n > 0 {
		at := main
		if !at.shown() {
			at = side
		}
		l.List = rect{at.X, bottom - n, at.W, n}
	}
	return l
}

// sideRect returns where the side panes are, with the rule between them.
func (l *layout) sideRect() rect {
	if !l.Peers.shown() {
		return l.Proposals
	}
	at := l.Peers
	if l.SideRule.shown() {
		at.H += l.SideRule.H + l.Proposals.H
	}
	return at
}

// minBehind is the least number of rows of messages that are worth showing above an overlay.
const minBehind = 4

// overlay gives the end of the main pane to an overlay, and all of it where little would be left.
func (l *layout) overlay(rows int) {
	at := &l.Messages
	if !at.shown() {
		at = &l.Peers
		if !at.shown() {
			at = &l.Proposals
		}
	}
	n := min(rows, at.H)
	if at.H-n < minBehind {
		n = at.H
	}
	l.Overlay = rect{at.X, at.Y + at.H - n, at.W, n}
	at.H -= n
	if at.H == 0 {
		*at = rect{}
	}
}
