package node

import (
	"cmp"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/wire"
)

// Record implements mesh.Handler: a live record goes to its room.
func (n *Node) Record(l *link.Link, rec *record.Record) {
	if r := n.rooms[rec.Body().Room.String()]; r != nil {
		r.Record(l, rec)
		return
	}
	n.Refused(l, record.ErrOtherRoom.Error())
}

// Records implements mesh.Handler: a part of the answer to a question goes to its room.
func (n *Node) Records(l *link.Link, m wire.Records, recs []*record.Record) {
	if r := n.rooms[m.Room]; r != nil {
		r.Records(l, m, recs)
		return
	}
	n.Refused(l, record.ErrOtherRoom.Error())
}

// Frontier implements mesh.Handler: a ping's hashes go each to its room.
func (n *Node) Frontier(l *link.Link, hashes map[string]string) {
	for id, r := range n.rooms {
		r.TakeHash(l, hashes[id])
	}
}

// Drained implements mesh.Handler.
func (n *Node) Drained(l *link.Link) {
	for _, r := range n.rooms {
		r.Drained(l)
	}
}

// Message implements mesh.Handler: what names a room goes there.
func (n *Node) Message(l *link.Link, m wire.Message) {
	switch m := m.(type) {
	case wire.Have:
		n.routeMessage(l, m.Room, m)
	case wire.Frontier:
		n.routeMessage(l, m.Room, m)
	case wire.Heads:
		n.routeMessage(l, m.Room, m)
	case wire.Want:
		n.routeMessage(l, m.Room, m)
	case wire.Outline:
		n.routeMessage(l, m.Room, m)
	case wire.Sums:
		n.routeMessage(l, m.Room, m)
	case wire.Typing:
		n.routeMessage(l, m.Room, m)
	case wire.Refused:
		n.routeMessage(l, m.Room, m)
	case wire.Links:
		n.exchange.takeLinks(l, m)
	case wire.Peers:
		n.receivePeerList(l, m)
	case wire.Chat:
		n.events.WaitSpace(len(m.Content), func() (fair.Flow, int) { return n.standings.flowOf(l.Key(), l.Key()) }) // as for a record
		defer n.events.Posted(len(m.Content))
		n.cleartext.takeChat(l, m)
	}
}

func (n *Node) routeMessage(l *link.Link, room string, m wire.Message) {
	if r := n.rooms[room]; r != nil {
		r.Message(l, m)
	}
}

// Refused implements mesh.Handler. A message with an unknown tag is only counted: a newer program may send one.
func (n *Node) Refused(l *link.Link, reason string) {
	if reason == link.RefusedUnknown {
		n.countRefused(reason)
		return
	}
	n.refuse(event.Scope{}, l.Key(), reason)
	if isForgery(reason) {
		noteForged(n, l)
	}
}

// refuse counts something that a peer sent and that was not taken. Reasons are few and fixed.
func (n *Node) refuse(scope event.Scope, from identity.Key, reason string) {
	name := n.nameOf(from)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuseLocked(scope, name, reason)
}

// nameOf returns what a key is called, or its short form.
func (n *Node) nameOf(key identity.Key) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.mu.peers[key]; p != nil {
		return cmp.Or(p.Name, key.Short())
	}
	return key.Short()
}

func (n *Node) refuseLocked(scope event.Scope, from, reason string) {
	n.mu.refused[reason]++
	n.events.Post(event.Refused{Scope: scope, From: from, Reason: reason, Count: n.mu.refused[reason]})
}

// countRefused counts a refusal that is posted elsewhere.
func (n *Node) countRefused(reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.refused[reason]++
}
