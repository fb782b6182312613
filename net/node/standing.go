package node

import (
	"net/netip"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
)

// countLinksEvery is how often the time of present links is counted and remembered.
const countLinksEvery = time.Minute

// standings knows the standing of each key (see package standing), and has the profile remember what it follows from.
type standings struct {
	*standing.Registry
	n       *Node
	counted time.Time // when the time of links was counted last; the ticker's
}

// newStandings begins with what the profile remembers.
func newStandings(n *Node) *standings {
	cfg := standing.Config{Self: n.cfg.Identity.Key(), Now: time.Now, Mark: func(identity.Key) standing.Mark { return standing.Unmarked }}
	if n.cfg.Known != nil {
		cfg.Mark, cfg.Remembered = n.cfg.Known.Mark, n.cfg.Known.Links()
	}
	return &standings{Registry: standing.NewRegistry(cfg), n: n, counted: time.Now()}
}

// sourceOf returns the source of an address.
func (p *standings) sourceOf(addr netip.Addr) standing.Source {
	return standing.SourceOf(addr, func(a netip.Addr) bool {
		own := p.n.cleartext.networks.Load()
		return own != nil && slices.ContainsFunc(*own, func(own netip.Prefix) bool { return own.Addr() == a })
	})
}

// Standing implements replica.Host.
func (h roomHost) Standing(author, via identity.Key) (standing.Level, standing.Source) {
	return h.n.standings.Level(author), h.n.standings.Source(author, via)
}

// NoteOver implements replica.Host.
func (h roomHost) NoteOver(author identity.Key) { h.n.standings.NoteOver(author) }

// ListMet implements replica.Host.
func (h roomHost) ListMet() []identity.Key { return h.n.standings.List(standing.Met) }

// count counts the time of present links every minute, and has it remembered. The ticker calls it.
func (p *standings) count() {
	if time.Since(p.counted) < countLinksEvery {
		return
	}
	p.counted = time.Now()
	p.Tick()
	p.remember()
}

// remember hands what is known of keys' links to the profile, if that has changed.
func (p *standings) remember() {
	if p.n.cfg.Known == nil {
		return
	}
	if links, changed := p.Remembered(); changed {
		p.n.cfg.Known.RememberLinks(links)
	}
}

// Trust says that the user trusts the peer with that uuid, or does so no more.
func (n *Node) Trust(id string, on bool) error {
	return n.remember(id, func(*peer) {}, func(known Known, key identity.Key) error {
		err := known.SetTrusted(key, on)
		n.mu.Lock()
		defer n.mu.Unlock()
		if p := n.mu.peers[key]; p != nil {
			n.events.Post(event.PeerChanged{Peer: n.nowLocked(p)}) // with its new standing
		}
		return err
	})
}
