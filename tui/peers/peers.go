// Package peers is the pane that says who is there: oneself first, then everybody else by name, each
// with a glyph for the state, a tick when the keys were compared, and the round-trip time, or a word
// where the connection isn't what it should be.
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

// ListGoneFor is how long somebody who has gone is still listed.
const ListGoneFor = 10 * time.Minute

// Config is what a pane needs; all of it must be set.
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
	stale bool                  // order is not what it should be
	at    string                // uuid of the selected peer
	top   int                   // first visible place in order
}

// New returns a pane without peers.
func New(cfg Config) *Pane { return &Pane{cfg: cfg, peers: map[string]event.Peer{}} }

// SetSize says how many cells and rows there are.
func (p *Pane) SetSize(w, h int) { p.w, p.h = w, h }

// SetTheme changes how it looks.
func (p *Pane) SetTheme(t *theme.Theme) { p.cfg.Theme = t }

// SetFocus says whether keys go here. The first time that selects the first peer.
func (p *Pane) SetFocus(on bool) {
	p.focus = on
	p.sort()
	if _, ok := p.peers[p.at]; on && !ok && len(p.order) > 0 {
		p.at = p.order[0]
	}
}

// SetSelf says who one is.
func (p *Pane) SetSelf(s event.Self) { p.self = s }

// SetPeer notes a peer as it is now.
func (p *Pane) SetPeer(peer event.Peer) {
	if old, ok := p.peers[peer.ID]; !ok || old.Present() != peer.Present() || old.Name != peer.Name {
		p.stale = true
	}
	p.peers[peer.ID] = peer
}

// UpdateStats notes the numbers of a peer that is listed.
func (p *Pane) UpdateStats(peer event.Peer) {
	if old, ok := p.peers[peer.ID]; ok {
		old.RTT, old.In, old.Out = peer.RTT, peer.In, peer.Out
		p.peers[peer.ID] = old
	}
}

// Peer is what is known of a peer by its uuid.
func (p *Pane) Peer(id string) (event.Peer, bool) {
	peer, ok := p.peers[id]
	return peer, ok
}

// Count is how many are there, and how many are listed.
func (p *Pane) Count() (there, listed int) {
	for _, peer := range p.peers {
		if peer.Present() {
			there++
		}
		if p.listed(peer) {
			listed++
		}
	}
	return there, listed
}

// CountPlain is how many of those who are there speak in clear.
func (p *Pane) CountPlain() (n int) {
	for _, peer := range p.peers {
		if peer.Present() && !peer.Encrypted() {
			n++
		}
	}
	return n
}

// MoveSelection moves the selection.
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

// Selected is the selected peer.
func (p *Pane) Selected() (event.Peer, bool) {
	peer, ok := p.peers[p.at]
	return peer, ok
}

// listed reports whether a peer is worth a row.
func (p *Pane) listed(peer event.Peer) bool {
	return peer.Present() || p.cfg.Now().Sub(peer.Changed) < ListGoneFor
}

// sort puts those who are there first, each part by name. Late peers stay where they are: nothing is
// to move because of a short silence.
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

// label is how a peer is called, within cells.
func (p *Pane) label(peer event.Peer, cells int) sanitize.SafeText {
	return p.cfg.Roster.LabelWithin(roster.ID(peer.Key, peer.ID), cells, p.cfg.Theme.Ellipsis)
}

// colour is the style of a peer's name.
func (p *Pane) colour(peer event.Peer) theme.Style {
	if peer.Key.IsZero() {
		return p.cfg.Theme.IDStyle(peer.ID)
	}
	return p.cfg.Theme.KeyStyle(peer.Key)
}
