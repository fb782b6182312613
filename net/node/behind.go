package node

import (
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// A peer that takes lines more slowly than they come is behind (DESIGN.md §4):
//
//	live ── its queue is full ──▶ behind: nothing is pushed
//	 ▲                              │ the queue was written: Drained
//	 │                              ▼
//	 └── what it lacks is little ── told our frontier, it pulls at its own pace and tells its own when
//	     and goes into the queue    it has all that it was told; if that is too little by then, again

// What a peer may lack and still be brought level by its live queue.
const (
	levelRecords = 200
	levelBytes   = 128 << 10
)

// Drained is of mesh.Handler: a peer whose live queue was full has taken all of it.
func (n *Node) Drained(l *link.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.up(l); p != nil && p.behind {
		n.pull(p)
	}
}

// pull tells a peer that is behind how far we are by now.
func (n *Node) pull(p *peer) {
	p.told = n.frontierFor(p)
	n.tellFrontier(p, true)
}

// follow looks at the frontier of a peer that is behind: it is level, or pulls on, or has all that it
// was told and hears how far we are now. Called with mu held.
func (n *Node) follow(p *peer, theirs []room.Holding) {
	if p.told == nil || p.link.LiveSpace() == 0 {
		return // Drained is still to come
	}
	has := make(map[record.FeedKey]uint64, len(theirs)) // seq+1
	for _, h := range theirs {
		has[h.Key] = h.Seq + 1
	}
	if tail, few := n.tail(p, has); few {
		p.behind, p.told = false, nil
		for _, r := range tail {
			if !n.push(p, r) {
				return
			}
		}
		n.wake()
		return
	}
	for _, h := range p.told {
		if has[h.Key] <= h.Seq && h.Floor <= h.Seq {
			return
		}
	}
	n.pull(p)
}

// tail is what is held above has, if that is little.
func (n *Node) tail(p *peer, has map[record.FeedKey]uint64) (tail []*record.Record, few bool) {
	size := 0
	for _, h := range n.frontierFor(p) {
		from := max(has[h.Key], h.Floor)
		if from > h.Seq {
			continue
		}
		if h.Seq-from >= levelRecords {
			return nil, false
		}
		recs, more := n.room.RangeInMemory(room.Gap{Key: h.Key, From: from, To: h.Seq}, levelBytes)
		for _, r := range recs {
			size += len(r.Signed())
		}
		if tail = append(tail, recs...); more || len(tail) > levelRecords || size > levelBytes {
			return nil, false
		}
	}
	return tail, true
}

// push puts a record into a peer's live queue. If that is full the peer is behind from now on.
func (n *Node) push(p *peer, r *record.Record) bool {
	f, err := wire.Encode(wire.Record{Body: r.Signed(), Sig: r.Signature()})
	if err != nil {
		n.cfg.Log.Error("encode a record", "error", err)
		return true
	}
	p.behind = !p.link.Live(f)
	return !p.behind
}
