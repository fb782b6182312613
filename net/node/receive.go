package node

import (
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
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
	out, err := n.room.Accept(r)
	if err != nil {
		n.refused["record of another room"]++
		return
	}
	if p := n.peers[l.Key()]; p != nil && p.link == l {
		if out.Gap == nil {
			key := room.FeedKey{Author: r.Author(), Feed: r.Feed()}
			p.owed[key] = true
			if author := n.peers[r.Author()]; author != nil && author.link != nil {
				author.owed[key] = true
			}
			n.acks = true
		} else {
			n.askFor(p, []room.Gap{*out.Gap})
		}
	}
	n.took(l, out, false)
}

// Records is of mesh.Handler: the answer to a question.
func (n *Node) Records(l *link.Link, m wire.Records, rs []*record.Record) {
	n.out.wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range rs {
		out, err := n.room.Accept(r)
		if err != nil {
			n.refused["record of another room"]++
			continue
		}
		n.took(l, out, true)
	}
	if p := n.peers[l.Key()]; p != nil && p.link == l && m.End {
		n.planner.Answered(l.Key())
		n.ask(p)
		if n.planner.Missing() == 0 {
			n.tellFrontier(p, false) // it may count us as behind
		}
	}
}

// took passes on what a record brought: to the screen, and to neighbours who can't hear its author.
func (n *Node) took(l *link.Link, out room.Outcome, history bool) {
	if f := out.Fork; f != nil {
		n.notice(event.Warning, fmt.Sprintf("%s signed two different lines for one place: nothing more of that run is shown", n.called(f.Key.Author)), "")
	}
	for _, e := range out.Added {
		n.forward(e.Record, l)
		n.show(e, l, history)
	}
}

// show posts a record of somebody else's.
func (n *Node) show(e room.Entry, l *link.Link, history bool) {
	r := e.Record
	switch r.Kind() {
	case record.KindName:
		p := n.peers[r.Author()]
		if p == nil || history || p.Name == r.Name() {
			return
		}
		before := p.Name
		p.Name = r.Name()
		n.out.post(event.PeerChanged{Peer: p.now(), Renamed: before})
	case record.KindChat, record.KindMe:
		line := lineOf(e)
		line.History = history
		line.Own = r.Author() == n.cfg.Identity.Key()
		if l.Key() != r.Author() {
			line.Via = l.Key().ID().String()
		}
		n.out.post(event.Said{Line: line})
	}
}

func lineOf(e room.Entry) event.Line {
	r := e.Record
	return event.Line{
		ID: r.ID().String(), From: r.Author(), FromID: r.Author().ID().String(), FromName: e.Name,
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
	p := n.peers[l.Key()]
	if p == nil || p.link != l {
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
		for _, x := range m.Links[:min(len(m.Links), 256)] {
			p.links[x.Key] = true
		}
	case wire.Peers:
		n.introduced(m)
	case wire.Typing:
		n.out.post(event.Typing{Peer: p.now(), On: m.On})
	}
}

// Frontier is of mesh.Handler: a ping's hashes. Records on their way make them differ for a moment,
// so it takes two in a row to compare in full.
func (n *Node) Frontier(l *link.Link, hashes map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[l.Key()]
	if p == nil || p.link != l {
		return
	}
	if hash := hashes[n.room.ID().String()]; hash == "" || hash == n.room.Hash() {
		p.unequal = 0
		return
	}
	if p.unequal++; p.unequal >= 2 {
		p.unequal = 0
		n.tellFrontier(p, true)
	}
}

// acknowledged notes how far a peer has our own feed.
func (n *Node) acknowledged(p *peer, m wire.Have) {
	own, seq, any := n.room.Own()
	if !any || m.Room != n.room.ID().String() {
		return
	}
	i := slices.IndexFunc(m.Heads, func(h wire.Head) bool { return h.Author == own.Author && h.Feed == own.Feed.String() })
	if i < 0 || m.Heads[i].Seq > seq || m.Heads[i].Seq+1 <= p.has {
		return
	}
	p.has = m.Heads[i].Seq + 1
	have, of := 0, 0
	for _, q := range n.peers {
		if q.link != nil {
			of++
		}
		if q.has >= p.has {
			have++
		}
	}
	if recs, _ := n.room.Range(room.Gap{Key: own, From: p.has - 1, To: p.has - 1}, 1); len(recs) == 1 {
		n.out.post(event.Delivered{ID: recs[0].ID().String(), Peers: have, Of: max(of, have)})
	}
	n.wake()
}
