package node

import (
	"context"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// ackEvery is how long acknowledgements are gathered (DESIGN.md §4, Have).
const ackEvery = 50 * time.Millisecond

// maxHeads is how many feeds a Have names.
const maxHeads = 256

// owe notes that a record is to be acknowledged: to its author, however it came, and to the peer that
// it came from live, unless that is nil. Called with mu held.
func (n *Node) owe(from *peer, r *record.Record) {
	key := r.FeedKey()
	if from != nil && from.owed != nil {
		from.owed[key] = true
	}
	author := n.peers[r.Author()]
	if author != nil && author != from && author.owed != nil {
		author.owed[key] = true
	}
	n.soon()
}

// acknowledge sends one Have per link that is owed one. Called with mu held.
func (n *Node) acknowledge() {
	for _, p := range n.here {
		if len(p.owed) == 0 {
			continue
		}
		m := wire.Have{Room: n.room.ID().String()}
		for key := range p.owed {
			if len(m.Heads) == maxHeads {
				n.soon()
				break
			}
			if seq, ok := n.room.LastSeq(key); ok {
				m.Heads = append(m.Heads, wire.Head{Author: key.Author, Feed: key.Feed.String(), Seq: seq})
			}
			delete(p.owed, key)
		}
		if len(m.Heads) > 0 {
			n.send(p.link, m)
		}
	}
}

// acknowledged is a peer's Have.
func (n *Node) acknowledged(p *peer, m wire.Have) {
	own, seq, any := n.room.OwnFeed()
	if !any || m.Room != n.room.ID().String() {
		return
	}
	i := slices.IndexFunc(m.Heads, func(h wire.Head) bool { return h.Author == own.Author && h.Feed == own.Feed.String() })
	if i >= 0 && m.Heads[i].Seq <= seq {
		n.delivered(p, m.Heads[i].Seq+1)
	}
}

// hasAll is called when a peer's hash of the room is ours: it holds what we do, our own feed included.
func (n *Node) hasAll(p *peer) {
	if _, seq, any := n.room.OwnFeed(); any {
		n.delivered(p, seq+1)
	}
}

// delivered notes that a peer has our own feed below upto, and tells how many have it. Called with mu
// held.
func (n *Node) delivered(p *peer, upto uint64) {
	if upto <= p.has {
		return
	}
	p.has = upto
	n.wake()
	// The newest line: a change of name in between is nothing that anybody waits for.
	own, _, _ := n.room.OwnFeed()
	for seq := upto; seq > 0; seq-- {
		recs, _ := n.room.RangeInMemory(room.Gap{Key: own, From: seq - 1, To: seq - 1}, 1)
		if len(recs) == 0 {
			return
		}
		if recs[0].Kind().IsShown() {
			have, of := n.audience(seq)
			n.events.Post(event.Delivered{ID: recs[0].ID().String(), Peers: have, Of: of})
			return
		}
	}
}

// audience counts, of our own feed below upto, who has it, and for whom it is: those who are here, who
// were when it was said, or who got it later.
func (n *Node) audience(upto uint64) (have, of int) {
	for _, p := range n.peers {
		switch {
		case p.has >= upto:
			have++
			of++
		case p.link != nil || p.due >= upto:
			of++
		}
	}
	return have, of
}

// WaitDelivered waits until every linked peer has acknowledged all that was said, and it was sent to all
// plain ones.
func (n *Node) WaitDelivered(ctx context.Context) error {
	if err := n.plain.WaitSent(ctx); err != nil {
		return err
	}
	return n.until(ctx, func() bool {
		_, seq, any := n.room.OwnFeed()
		for _, p := range n.here {
			if any && p.has < seq+1 {
				return false
			}
		}
		return true
	})
}
