package node

import (
	"fmt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// A peer is called what its Hello says, until a record of the same run says otherwise. From then on
// its records alone decide, the latest by its own clock, in whatever order they come: a Hello may have
// been on its way while the name changed. Records of earlier runs don't name a peer.

// Nick changes the local peer's name, by a record in each room.
func (n *Node) Nick(name string) error {
	n.renaming.Lock()
	defer n.renaming.Unlock()
	n.mu.Lock()
	same := name == n.mu.name
	n.mu.Unlock()
	if same {
		return nil
	}
	for _, r := range n.rooms {
		if err := r.Rename(name); err != nil {
			return err
		}
	}
	n.mu.Lock()
	n.mu.name = name
	n.cleartext.setSelf(name)
	n.events.Post(event.SelfChanged{Self: n.selfLocked()})
	n.mu.Unlock()
	if n.finder.service != nil {
		n.finder.service.StartBurst()
	}
	return nil
}

// takeHelloName takes a name from a Hello.
func (p *peer) takeHelloName(h wire.Hello) {
	if p.inst != h.Inst || p.started != h.Started {
		p.inst, p.started, p.namedAt = h.Inst, h.Started, record.Time{}
	}
	switch {
	case p.namedAt != record.Time{}:
	case h.Name != "":
		p.Name = h.Name
	default:
		p.Name = p.ID[:8]
	}
}

func (h roomHost) TakeName(r *record.Record) {
	n := h.n
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.mu.peers[r.Author()]
	if p == nil || r.Time().Ms < p.started || r.Time().Compare(p.namedAt) <= 0 {
		return
	}
	p.namedAt = r.Time()
	if before := p.Name; before != r.Name() {
		p.Name = r.Name()
		n.events.Post(event.PeerChanged{Peer: n.nowLocked(p), Renamed: before})
		n.warnOtherKeyLocked(p)
	}
}

// warnOtherKeyLocked warns when another key went by a peer's name before.
func (n *Node) warnOtherKeyLocked(p *peer) {
	if n.cfg.Known == nil {
		return
	}
	if before, other := n.cfg.Known.NoteName(p.Name, p.Key, n.standings.Level(p.Key), n.standings.Source(p.Key, p.Key)); other {
		n.notice(event.Warning, fmt.Sprintf("this %s (%s) is not the %s you met before (%s): another person, or a new key", p.Name, p.Key.Short(), p.Name, before.Short()),
			"compare words with /verify "+p.Name)
	}
}
