package peers

import (
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// lead counts the cells before a name: selection, glyph, space.
const lead = 3

// Rows draws the pane: the title, the local peer, the others. The rows are exactly as many as the pane
// is high, and none is wider.
func (p *Pane) Rows() []string {
	p.sort()
	t := p.cfg.Theme
	rows := append(make([]string, 0, p.h), p.titleRow())
	if p.self.ID != "" {
		rows = append(rows, p.ownRow())
	}
	for _, id := range p.visible(p.h - len(rows)) {
		rows = append(rows, p.peerRow(p.peers[id]))
	}
	if len(p.order) == 0 {
		for _, hint := range [...]sanitize.SafeText{sanitize.Trusted("No one yet. People"), sanitize.Trusted("appear here"), sanitize.Trusted("automatically.")} {
			rows = append(rows, t.Row(p.w).Space(t.Text, lead).Put(t.Dim, hint).PadTo(t.Text, p.w).String())
		}
	}
	for len(rows) < p.h {
		rows = append(rows, t.Row(p.w).PadTo(t.Text, p.w).String())
	}
	return rows[:p.h]
}

// visible returns the uuids of the peers that fit, the selected peer among them.
func (p *Pane) visible(room int) []string {
	if room <= 0 {
		return nil
	}
	p.top = min(p.top, max(0, len(p.order)-room))
	if at := slices.Index(p.order, p.at); at >= 0 && p.focus {
		p.top = min(max(p.top, at-room+1), at)
	}
	return p.order[p.top:min(p.top+room, len(p.order))]
}

func (p *Pane) titleRow() string {
	t := p.cfg.Theme
	present, _ := p.Count()
	count := fmt.Sprint(present)
	if listed := len(p.order); listed > present {
		count = fmt.Sprintf("%d of %d here", present, listed)
	}
	r := t.PaneTitle(p.w, p.focus, sanitize.Trusted("Peers"))
	return r.Space(t.Text, 1).Put(t.Dim, sanitize.Line(count)).PadTo(t.Text, p.w).String()
}

func (p *Pane) ownRow() string {
	t := p.cfg.Theme
	you := sanitize.Trusted(" (you)")
	r := t.Row(p.w).Space(t.Text, 1).Put(t.Dim, t.Dot).Space(t.Text, 1)
	r.PutWithin(t.Text, sanitize.Name(p.self.Name), p.w-lead-you.Width()).Put(t.Dim, you)
	return r.PadTo(t.Text, p.w).String()
}

// peerRow draws a peer. The note at the row's end is right-aligned, so that a number that changes moves
// nothing.
func (p *Pane) peerRow(peer event.Peer) string {
	t := p.cfg.Theme
	glyph, style := stateGlyph(t, peer)
	r := t.Row(p.w)
	selected := p.focus && peer.ID == p.at
	name, blank, good := p.nameStyle(peer), t.Text, t.Good
	if !peer.Present() {
		name = t.Dim
	}
	note, noteStyle := p.note(peer)
	if selected {
		name, blank, good, style, noteStyle = t.Selected, t.Selected, t.Selected, t.Selected, t.Selected
		r.Put(t.Accent, t.Selection)
	} else {
		r.Space(blank, 1)
	}
	r.Put(style, glyph).Space(blank, 1)

	end := p.w - 1 // nothing touches the edge
	room := max(end-lead-note.Width()-1, 4)
	if peer.Present() {
		room -= 2 // the tick keeps its column where there is no tick
	}
	at := lead + room
	r.PutWithin(name, p.label(peer, room), room).PadTo(blank, at)
	if peer.Present() {
		r.Space(blank, 1)
		if peer.Verified {
			r.Put(good, t.Signed)
		} else {
			r.Space(blank, 1)
		}
	}
	r.PadTo(blank, end-note.Width()).Put(noteStyle, note)
	return r.PadTo(blank, p.w).String()
}

// stateGlyph returns the glyph and the colour of a peer's state.
func stateGlyph(t *theme.Theme, peer event.Peer) (sanitize.SafeText, theme.Style) {
	switch peer.State {
	case event.Up:
		return t.Here, t.Good
	case event.Late:
		return t.Late, t.Warn
	case event.Relayed:
		return t.Here, t.Dim
	}
	return t.Lost, t.Dim
}

// note returns the text at the right end of a row.
func (p *Pane) note(peer event.Peer) (sanitize.SafeText, theme.Style) {
	t := p.cfg.Theme
	switch {
	case !peer.Present():
		return sanitize.Linef("%s%s", peer.State, formatAgo(p.cfg.Now().Sub(peer.Changed))), t.Dim
	case peer.Ignored:
		return sanitize.Trusted("ignored"), t.Warn
	case peer.HeldBack:
		return sanitize.Trusted("no key"), t.Bad
	case !peer.Encrypted():
		return sanitize.Trusted("plain"), t.Warn
	case peer.State == event.Late:
		return sanitize.Trusted("   late"), t.Warn
	case peer.State == event.Relayed:
		return sanitize.Trusted("relayed"), t.Dim
	case peer.RTT > 0:
		return sanitize.Line(formatRTT(peer.RTT)), t.Dim
	}
	return sanitize.Trusted("      -"), t.Dim
}

// formatRTT writes a round-trip time. Up to ten seconds it always takes seven cells.
func formatRTT(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	if ms < 99.95 {
		return fmt.Sprintf("%4.1f ms", ms)
	}
	return fmt.Sprintf("%4.0f ms", ms)
}

// formatAgo writes how long ago something was, in minutes and more. In the first minute it writes
// nothing.
func formatAgo(d time.Duration) string {
	switch {
	case d < time.Minute:
		return ""
	case d < time.Hour:
		return fmt.Sprintf(" %d min", d/time.Minute)
	}
	return fmt.Sprintf(" %d h", d/time.Hour)
}
