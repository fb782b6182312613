package node

import (
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/plain"
	"chat.lan/p2pchat/net/wire"
)

// What a peer is called: what its Hello says, until a record of the same run says otherwise. From then
// on its records alone decide, the latest by its own clock, however and in whatever order they come: a
// Hello may have been on its way while the name changed. Records of earlier runs name nobody.

// Nick changes one's own name: by a record, which opens the feed if nothing was said yet.
func (n *Node) Nick(name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name == n.name {
		return nil
	}
	e, err := n.room.Rename(name)
	if err != nil {
		return fmt.Errorf("%q can't be a name: %w", name, err)
	}
	n.name = name
	n.face.Store(&plain.Self{ID: n.cfg.Identity.Key().ID().String(), Name: name, Port: n.port})
	n.save(e, true)
	n.forward(e.Record, nil)
	n.events.Post(event.SelfChanged{Self: n.self()})
	if n.finder != nil {
		n.finder.StartBurst()
	}
	return nil
}

// greet takes a name from a Hello.
func (p *peer) greet(h wire.Hello) {
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

// lastName is what somebody was called last, and when that was said. It is for who is not here: votes and
// lines name them.
type lastName struct {
	name string
	at   record.Time
}

// named takes a name from an open or name record. Called with mu held.
func (n *Node) named(r *record.Record) {
	if r.Time().Compare(n.names[r.Author()].at) >= 0 {
		n.names[r.Author()] = lastName{r.Name(), r.Time()}
	}
	p := n.peers[r.Author()]
	if p == nil || r.Time().Ms < p.started || r.Time().Compare(p.namedAt) <= 0 {
		return
	}
	p.namedAt = r.Time()
	if before := p.Name; before != r.Name() {
		p.Name = r.Name()
		n.events.Post(event.PeerChanged{Peer: p.now(), Renamed: before})
		n.recognise(p)
	}
}

// recognise warns when somebody else went by a peer's name before. Called with mu held.
func (n *Node) recognise(p *peer) {
	if n.cfg.Known == nil {
		return
	}
	if before, other := n.cfg.Known.NoteName(p.Name, p.Key); other {
		n.notice(event.Warning, fmt.Sprintf("this %s (%s) is not the %s you met before (%s): another person, or a new key", p.Name, p.Key.Short(), p.Name, before.Short()),
			"compare words with /verify "+p.Name)
	}
}

// called is the name that a key goes by. Called with mu held.
func (n *Node) called(key identity.Key) string {
	if p := n.peers[key]; p != nil {
		return p.Name
	}
	if last := n.names[key]; last.name != "" {
		return last.name
	}
	return key.Short()
}
