package node

import (
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/ballotbox"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// Record is of mesh.Handler: a live record.
func (n *Node) Record(l *link.Link, r *record.Record) {
	n.out.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if ballotbox.Is(r) {
		n.ballots(l, []*record.Record{r}, false)
		return
	}
	out, err := n.room.Accept(r)
	if err != nil {
		n.refuse(l, err.Error())
		return
	}
	p := n.up(l)
	if out.Gap != nil && p != nil {
		n.planner.Ahead(p.Key, out.Gap.Key, r.Seq())
		n.ask(p)
	}
	if out.Gap == nil {
		n.owe(p, r) // also when it was known: the peer may have missed that we said so
	}
	for _, e := range out.Added {
		n.forward(e.Record, l)
	}
	if name := n.took(l, out, false); name != nil {
		n.named(name)
	}
}

// Records is of mesh.Handler: a part of the answer to a question.
func (n *Node) Records(l *link.Link, m wire.Records, rs []*record.Record) {
	n.out.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	if rs = n.votesOf(l, m, rs); m.N >= votesAsked {
		return
	}
	names := map[identity.Key]*record.Record{} // the last of each author: those before are past already
	for _, r := range rs {
		out, err := n.room.Accept(r)
		if err != nil {
			n.refuse(l, err.Error())
			continue
		}
		if g := out.Gap; g != nil && n.planner.Begins(l.Key(), g.Key, r.Seq()) {
			out = n.room.Raise(g.Key, r.Seq())
		}
		n.owe(nil, r)
		if len(out.Added) > 0 {
			n.fresh[r.Author()] = true
		}
		if name := n.took(l, out, true); name != nil {
			names[name.Author()] = name
		}
	}
	for _, name := range names {
		n.named(name)
	}
	p := n.up(l)
	if p == nil {
		return
	}
	n.planner.Answered(p.Key, m.N, m.End)
	if m.End {
		n.ask(p)
		n.caughtUp(p)
	}
}

// up is the peer of a link that is its present one, or nil. Called with mu held.
func (n *Node) up(l *link.Link) *peer {
	if p := n.peers[l.Key()]; p != nil && p.link == l {
		return p
	}
	return nil
}

// took passes on what a record brought to the screen, and returns the last record in it that names its
// author. Called with mu held.
func (n *Node) took(l *link.Link, out room.Outcome, history bool) (name *record.Record) {
	if f := out.Fork; f != nil {
		n.notice(event.Warning, fmt.Sprintf("%s signed two different lines for one place: nothing more of that run is shown", n.called(f.Key.Author)), "")
	}
	for _, e := range out.Added {
		switch r := e.Record; r.Kind() {
		case record.KindOpen, record.KindName:
			name = r
		case record.KindChat, record.KindMe:
			line := n.lineOf(e)
			line.History = history
			line.Own = r.Author() == n.cfg.Identity.Key()
			if l.Key() != r.Author() {
				line.Via = l.Key().ID().String()
			}
			n.out.post(event.Said{Line: line})
			n.overhear(line)
		}
	}
	return name
}

// lineOf is a record of text as an event. Called with mu held.
func (n *Node) lineOf(e room.Entry) event.Line {
	r := e.Record
	name := e.Name
	if name == "" { // the beginning of the feed, which says it, is held by nobody any more
		name = n.called(r.Author())
	}
	return event.Line{
		ID: r.ID().String(), From: r.Author(), FromID: r.Author().ID().String(), FromName: name,
		Text: r.Text(), Me: r.Kind() == record.KindMe, Time: time.UnixMilli(r.Time().Ms), Arrived: time.Now(),
		Signature: event.Verified, Kind: event.KindNative,
		Place: event.Place{Ms: r.Time().Ms, N: r.Time().N, Author: r.Author(), Feed: uint64(r.Feed()), Seq: r.Seq()},
		Body:  r.Signed(), Sig: r.Signature(),
	}
}

// Message is of mesh.Handler.
func (n *Node) Message(l *link.Link, m wire.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.up(l)
	if p == nil {
		return
	}
	switch m := m.(type) {
	case wire.Have:
		n.acknowledged(p, m)
	case wire.Frontier:
		n.heardFrontier(p, m)
	case wire.Want:
		n.answer(p, m)
	case wire.Links:
		clear(p.links)
		for _, x := range m.Links[:min(len(m.Links), maxNeighbours)] {
			p.links[x.Key] = true
		}
	case wire.Peers:
		n.introduced(m)
	case wire.Chat:
		n.chatted(p, m)
	case wire.Typing:
		if m.Room == n.room.ID().String() {
			n.out.post(event.Typing{Peer: p.now(), On: m.On})
		}
	}
}

// Frontier is of mesh.Handler: a ping's hashes. Records on their way make them differ for a moment,
// so it takes two in a row to compare in full.
func (n *Node) Frontier(l *link.Link, hashes map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.up(l)
	if p == nil {
		return
	}
	switch hash := hashes[n.room.ID().String()]; hash {
	case "":
	case n.hash():
		p.unequal = 0
		n.hasAll(p)
	default:
		if p.unequal++; p.unequal >= 2 {
			p.unequal = 0
			n.tellFrontier(p, true)
		}
	}
}

// Refused is of mesh.Handler.
func (n *Node) Refused(l *link.Link, reason string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuse(l, reason)
}

// refuse counts what was not taken. Reasons are few and fixed. Called with mu held.
func (n *Node) refuse(l *link.Link, reason string) {
	n.refused[reason]++
	from := l.RemoteAddr().String()
	if p := n.peers[l.Key()]; p != nil {
		from = p.Name
	}
	n.out.post(event.Refused{From: from, Reason: reason, Count: n.refused[reason]})
}
