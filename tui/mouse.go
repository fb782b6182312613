package tui

import tea "github.com/charmbracelet/bubbletea"

// wheelLines is how far a notch of the wheel scrolls.
const wheelLines = 3

// within reports whether a cell is part of r.
func (r rect) within(x, y int) bool {
	return x >= r.X && x < r.X+r.W && y >= r.Y && y < r.Y+r.H
}

// handleMouse lets the wheel scroll and a click choose a pane. The mouse is off unless /mouse on asks for
// it: without it the terminal's own selection works.
func (m *model) handleMouse(e tea.MouseMsg) {
	switch {
	case e.Button == tea.MouseButtonWheelUp || e.Button == tea.MouseButtonWheelDown:
		n := wheelLines
		if e.Button == tea.MouseButtonWheelUp {
			n = -wheelLines
		}
		switch {
		case m.lay.Overlay.within(e.X, e.Y):
			m.overlay.scroll(n)
		case m.lay.Peers.within(e.X, e.Y):
			selectPeer(m, n/wheelLines)
		case m.lay.Proposals.within(e.X, e.Y):
			selectProposal(m, n/wheelLines)
		default:
			m.current.Messages.ScrollLines(n)
		}
	case e.Action != tea.MouseActionPress || e.Button != tea.MouseButtonLeft:
	case m.lay.Peers.within(e.X, e.Y):
		m.setFocus(panePeers)
	case m.lay.Proposals.within(e.X, e.Y):
		m.setFocus(paneProposals)
	case m.lay.Messages.within(e.X, e.Y):
		m.setFocus(paneMessages)
	default:
		m.setFocus(paneCompose)
	}
}
