package node

import (
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// Bounds of an answer.
const (
	wantFrames = 8   // what a sync queue holds
	maxRanges  = 256 // of a peer's question
)

// send queues a small message. Called with mu held or not.
func (n *Node) send(l *link.Link, m wire.Message) {
	f, err := wire.Encode(m)
	if err != nil {
		n.cfg.Log.Error("encode", "error", err)
		return
	}
	l.Control(f)
}

// ask puts the next question to a peer, if it has something that is missing here.
func (n *Node) ask(p *peer) {
	q, any := n.planner.NextQuestion(p.Key)
	if any {
		w := wire.Want{Room: n.room.ID().String(), N: q.N, Frames: wantFrames}
		for _, g := range q.Gaps {
			w.Ranges = append(w.Ranges, wire.Range{Author: g.Key.Author, Feed: g.Key.Feed.String(), From: g.From, To: g.To})
		}
		n.send(p.link, w)
	}
	if missing := n.planner.CountMissing(); any || missing == 0 {
		n.events.Post(event.Sync{Have: n.room.Count(), Missing: missing})
	}
}

// caughtUp follows an answer of from: whoever asked how far we are, and had what we lacked, hears when
// we lack it no more; and once nothing of from's is missing, so do neighbours who may not hear of it
// from its authors.
func (n *Node) caughtUp(from *peer) {
	for _, p := range n.here {
		if p.waits && !n.planner.LacksFrom(p.Key) {
			p.waits = false
			n.tellFrontier(p, false)
		}
	}
	if n.planner.LacksFrom(from.Key) {
		return
	}
	for _, p := range n.here {
		if p == from {
			continue
		}
		for author := range n.fresh {
			if author != p.Key && !p.links[author] {
				n.tellFrontier(p, false)
				break
			}
		}
	}
	clear(n.fresh)
}

// answer sends what a peer wants, as far as its sync queue takes it; the peer asks for the rest. Called
// without mu: what isn't in memory comes from disk, and whoever asks for it waits on his own link.
func (n *Node) answer(l *link.Link, m wire.Want) {
	n.mu.Lock()
	p := n.up(l)
	if p == nil {
		n.mu.Unlock()
		return
	}
	if m.Room != n.room.ID().String() || len(m.Ranges) > maxRanges || len(m.Votes) > pageVotes {
		n.refuse(l, "malformed want")
		n.mu.Unlock()
		return
	}
	limit, bulk := p.limit, p.bulk // never written to once they are there
	n.mu.Unlock()
	bulk.Lock()
	defer bulk.Unlock()
	to := answering{n: n, l: l, most: min(m.Frames, wantFrames), out: wire.Records{Room: m.Room, N: m.N}}
	if votes, bad := votesOffWire(m.Votes); !bad && len(votes) > 0 {
		for _, rec := range n.box.ListRequested(votes) {
			if !to.add(rec.Signed(), rec.Signature()) {
				return
			}
		}
	}
	for _, r := range m.Ranges {
		var g room.Gap
		if g.Key.Author, g.From, g.To = r.Author, r.From, r.To; g.Key.Feed.UnmarshalText([]byte(r.Feed)) != nil {
			continue
		}
		if g.From = max(g.From, limit[g.Key]); g.From > g.To {
			continue
		}
		recs, more := n.room.RangeInMemory(g, wire.MaxRecords*wantFrames)
		for _, rec := range recs {
			if !to.add(rec.Signed(), rec.Signature()) {
				return
			}
		}
		if len(recs) > 0 || !more {
			continue
		}
		// A frame at a time, so that the first is on its way while the next is read.
		for raws := n.fromStore(g, wire.MaxRecords); len(raws) > 0; raws = n.fromStore(g, wire.MaxRecords) {
			for _, raw := range raws {
				if !to.add(raw.Body, raw.Sig[:]) {
					return
				}
			}
			if g.From = raws[len(raws)-1].Key.Seq + 1; g.From > g.To {
				break
			}
		}
	}
	to.send(true)
}

// answering packs an answer into frames.
type answering struct {
	n            *Node
	l            *link.Link
	out          wire.Records
	size, frames int // of the frame that is packed; sent so far
	most         int
}

// add puts a record into the answer. When there is no room for more it ends the answer, and returns
// false.
func (a *answering) add(body string, sig []byte) bool {
	cost := cost(body)
	if a.size > 0 && a.size+cost > wire.MaxRecords {
		if a.frames+1 >= a.most || a.l.SyncSpace() < 2 {
			a.send(true)
			return false
		}
		if !a.send(false) {
			return false
		}
	}
	a.size += cost
	a.out.Records = append(a.out.Records, wire.Record{Body: body, Sig: sig})
	return true
}

func (a *answering) send(end bool) bool {
	a.out.End = end
	f, err := wire.Encode(a.out)
	if err != nil {
		a.n.cfg.Log.Error("encode records", "error", err)
		return false
	}
	a.out.Records, a.size = nil, 0
	a.frames++
	return a.l.Sync(f)
}

// cost is how many bytes a record takes in a Records frame. The body travels as a JSON string, in which
// quotes and backslashes take two.
func cost(body string) int {
	const around = len(`{"body":"","sig":""},`) + 88 // base64 of a signature
	return len(body) + strings.Count(body, `"`) + strings.Count(body, `\`) + around
}
