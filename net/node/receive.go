package node

import (
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// Record is of mesh.Handler: a live record.
func (n *Node) Record(l *link.Link, r *record.Record) {
	n.events.WaitSpace()
	if n.record(l, r) {
		n.below(l, []*record.Record{r})
	}
}

// record takes a live record; below: what is in its place is in the store.
func (n *Node) record(l *link.Link, r *record.Record) (below bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if votes.IsVoteRecord(r) {
		n.ballots(l, []*record.Record{r}, false)
		return false
	}
	n.received++
	out, err := n.room.Accept(r)
	if err != nil {
		n.refuse(l, err.Error())
		return false
	}
	p := n.up(l)
	// A feed whose beginning is kept back from us begins with what is said now.
	if g := out.Gap; g != nil && p != nil && n.planner.IsEarliestStart(p.Key, g.Key, r.Seq()) {
		out = n.raise(l.Key(), g.Key, r.Seq(), out)
	}
	if out.Gap != nil && p != nil {
		n.planner.NoteSeq(p.Key, out.Gap.Key, r.Seq())
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
	return out.InStore != nil
}

// raise has a feed begin where it does for everybody who was asked, if it may; else the record goes on
// waiting.
func (n *Node) raise(from identity.Key, key record.FeedKey, floor uint64, waits room.Outcome) room.Outcome {
	out := n.room.StartFeedAt(from, key, floor)
	if len(out.Added) == 0 {
		return waits
	}
	n.store.StartFeedAt(key, floor)
	return out
}

// Records is of mesh.Handler: a part of the answer to a question.
func (n *Node) Records(l *link.Link, m wire.Records, rs []*record.Record) {
	n.events.WaitSpace()
	// What can be had again waits for the disk; while nothing can be saved it doesn't.
	if n.store.WaitForSpace(n.group.Context()) != nil {
		return
	}
	if below := n.records(l, m, rs); len(below) > 0 {
		n.below(l, below)
	}
}

// records takes a part of an answer; below: those whose place is in the store.
func (n *Node) records(l *link.Link, m wire.Records, rs []*record.Record) (below []*record.Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if rs = n.votesOf(l, m, rs); m.N >= votesAsked {
		return nil
	}
	doubted := map[record.FeedKey]bool{}       // one question about each is enough
	names := map[identity.Key]*record.Record{} // the last of each author: those before are past already
	n.received += len(rs)
	for _, r := range rs {
		out, err := n.room.Accept(r)
		if err != nil {
			n.refuse(l, err.Error())
			continue
		}
		if g := out.Gap; g != nil && n.planner.IsEarliestStart(l.Key(), g.Key, r.Seq()) {
			out = n.raise(l.Key(), g.Key, r.Seq(), out)
		}
		if out.InStore != nil {
			below = append(below, r)
		}
		if d := out.Diverged; d != nil {
			if doubted[d.Key] {
				out.Diverged = nil
			}
			doubted[d.Key] = true
		}
		n.owe(nil, r)
		if len(out.Added) > 0 {
			n.fresh[r.Author()] = true
			if p := n.up(l); p != nil {
				p.patience = 0
			}
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
		return below
	}
	n.planner.NoteAnswer(p.Key, m.N, m.End)
	if m.End {
		n.ask(p)
		n.caughtUp(p)
	}
	return below
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
	n.disagree(l, out)
	for _, e := range out.Added {
		n.save(e, !history)
		switch r := e.Record; {
		case r.Kind().IsName():
			name = r
		case r.Kind().IsShown():
			line := n.lineOf(e)
			line.History = history
			line.Own = r.Author() == n.cfg.Identity.Key()
			if l.Key() != r.Author() {
				line.Via = l.Key().ID().String()
			}
			n.events.Post(event.Said{Line: line})
			n.overhear(line)
		}
	}
	return name
}

// lineOf is a record of text as an event. Called with mu held.
func (n *Node) lineOf(e store.Entry) event.Line {
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
	if want, ok := m.(wire.Want); ok {
		n.answer(l, want)
		return
	}
	if _, is := m.(wire.Chat); is {
		n.events.WaitSpace() // as for a record
	}
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
			n.events.Post(event.Typing{Peer: p.now(), On: m.On})
		}
	}
}

// mostPatience is how many pings at most, above two, pass between two comparisons that find nothing.
const mostPatience = 15

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
		p.unequal, p.patience = 0, 0
		n.hasAll(p)
	default:
		// Where something is kept back or gone they differ for good: less and less often then.
		if p.unequal++; p.unequal >= 2+p.patience {
			p.unequal, p.patience = 0, min(2*p.patience+1, mostPatience)
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
	n.events.Post(event.Refused{From: from, Reason: reason, Count: n.refused[reason]})
}
