// Package peers is the pane that lists the peers in the room.
//
// The local peer comes first, then the others by name. A row has a glyph for the peer's state, a tick
// if the keys were compared, and the round-trip time. Where the connection isn't as it should be, a
// word stands instead of the time. A peer that has gone stays listed for ListGoneFor.
//
// The pane promises that a number that changes moves nothing, that a short silence reorders nothing,
// and that the selection stays with its peer. Bubbles' table and list promise none of these: both
// select by index, and align every cell to the left. So the rows are drawn here.
//
// A Pane belongs to the program's Update and Frame; it is not safe for concurrent use.
package peers

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/theme"
)

// ListGoneFor is how long a peer that has gone is still listed.
const ListGoneFor = 10 * time.Minute

// Config holds what a pane needs; all of it must be set.
type Config struct {
	Theme  *theme.Theme
	Roster *roster.Roster
	Now    func() time.Time
}

// Pane is the list of peers.
type Pane struct {
	cfg   Config
	w, h  int
	focus bool

	self  event.Self
	peers map[string]event.Peer // by uuid
	order []string              // uuids as they are listed
	stale bool                  // order must be made anew
	at    string                // uuid of the selected peer
	top   int                   // first visible index in order
}

// New returns a pane without peers.
func New(cfg Config) *Pane { return &Pane{cfg: cfg, peers: map[string]event.Peer{}} }

// SetSize sets the pane's width in cells and its height in rows.
func (p *Pane) SetSize(w, h int) { p.w, p.h = w, h }

// SetTheme changes how the pane looks.
func (p *Pane) SetTheme(t *theme.Theme) { p.cfg.Theme = t }

// SetFocus sets whether keys go to the pane. With the focus, a peer is always selected: the first, if
// none was.
func (p *Pane) SetFocus(on bool) {
	p.focus = on
	p.sort()
	if _, ok := p.peers[p.at]; on && !ok && len(p.order) > 0 {
		p.at = p.order[0]
	}
}

// SetSelf sets the local peer.
func (p *Pane) SetSelf(s event.Self) { p.self = s }

// SetPeer adds a peer, or brings it up to date.
func (p *Pane) SetPeer(peer event.Peer) {
	if old, ok := p.peers[peer.ID]; !ok || old.Present() != peer.Present() || old.Name != peer.Name {
		p.stale = true
	}
	p.peers[peer.ID] = peer
}

// UpdateStats updates the round-trip time and the traffic of a peer that is known, and nothing else.
func (p *Pane) UpdateStats(peer event.Peer) {
	if old, ok := p.peers[peer.ID]; ok {
		old.RTT, old.In, old.Out = peer.RTT, peer.In, peer.Out
		p.peers[peer.ID] = old
	}
}

// Peer returns a peer by its uuid, and false if there is none.
func (p *Pane) Peer(id string) (event.Peer, bool) {
	peer, ok := p.peers[id]
	return peer, ok
}

// Count returns how many peers are present, and how many of those are not encrypted.
func (p *Pane) Count() (present, plain int) {
	for _, peer := range p.peers {
		if !peer.Present() {
			continue
		}
		present++
		if !peer.Encrypted() {
			plain++
		}
	}
	return present, plain
}

// MoveSelection moves the selection by that many peers, down if delta is above zero.
func (p *Pane) MoveSelection(delta int) {
	p.sort()
	if len(p.order) == 0 {
		return
	}
	i := slices.Index(p.order, p.at)
	if i < 0 {
		i, delta = 0, 0
	}
	p.at = p.order[min(max(i+delta, 0), len(p.order)-1)]
}

// Selected returns the selected peer, and false if there is none.
func (p *Pane) Selected() (event.Peer, bool) {
	peer, ok := p.peers[p.at]
	return peer, ok
}

// listed reports whether a peer is worth a row.
func (p *Pane) listed(peer event.Peer) bool {
	return peer.Present() || p.cfg.Now().Sub(peer.Changed) < ListGoneFor
}

// sort puts the peers that are present first, and sorts both parts by name. A late peer counts as
// present, so that a short silence moves nothing.
func (p *Pane) sort() {
	p.order = slices.DeleteFunc(p.order, func(id string) bool {
		gone := !p.listed(p.peers[id])
		p.stale = p.stale || gone
		return gone
	})
	if !p.stale {
		return
	}
	p.stale = false
	p.order = p.order[:0]
	for id, peer := range p.peers {
		if p.listed(peer) {
			p.order = append(p.order, id)
		} else {
			delete(p.peers, id)
		}
	}
	rank := func(peer event.Peer) int {
		if peer.Present() {
			return 0
		}
		return 1
	}
	slices.SortFunc(p.order, func(x, y string) int {
		a, b := p.peers[x], p.peers[y]
		return cmp.Or(rank(a)-rank(b), cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(x, y))
	})
}

// label returns the name under which a peer is shown, within cells.
func (p *Pane) label(peer event.Peer, cells int) sanitize.SafeText {
	return p.cfg.Roster.LabelWithin(roster.ID(peer.Key, peer.ID), cells, p.cfg.Theme.Ellipsis)
}

// nameStyle returns the colour of a peer's name.
func (p *Pane) nameStyle(peer event.Peer) theme.Style {
	if peer.Key.IsZero() {
		return p.cfg.Theme.IDStyle(peer.ID)
	}
	return p.cfg.Theme.KeyStyle(peer.Key)
}
