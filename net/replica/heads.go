package replica

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// An author can give each half of a room another record for one place. Live records go to everyone from their author
// alone, so neither half sees the other's before a ping says that hashes differ. To find out sooner, each peer says how
// far it is with what has just changed to a few others, chosen at random. A peer that holds something else begins the
// search of forks.go, or asks for the votes that it lacks. A peer that holds less of a feed answers with its own end.

// Bounds of this.
const (
	headsEvery  = 250 * time.Millisecond // while changes are gathered
	headsTo     = 2                      // peers that hear of them
	maxChanged  = votes.MaxChanged       // feeds that are remembered for it; pings find the others
	searchesOf  = 4                      // searches that one Heads begins
	searchEvery = time.Second            // between two Heads of one peer that begin any
)

// heads says and takes Heads. What it guards stands under the replica's lock.
type heads struct {
	*Replica
	due chan struct{} // capacity 1: something has changed
}

// noteFeedLocked notes that a feed has a new end.
func (h heads) noteFeedLocked(key record.FeedKey) {
	if len(h.mu.newEnds) < maxChanged && key.Author != h.cfg.Identity.Key() {
		h.mu.newEnds[key] = true
		h.schedule()
	}
}

// schedule has say called soon.
func (h heads) schedule() {
	select {
	case h.due <- struct{}{}:
	default:
	}
}

// run says what has changed, gathered for a moment.
func (h heads) run(ctx context.Context) {
	for {
		select {
		case <-h.due:
		case <-ctx.Done():
			return
		}
		if !group.Sleep(ctx, headsEvery, nil) {
			return
		}
		h.say()
	}
}

// say sends a few peers what has changed, and answers those whose Heads went beyond what is here.
func (h heads) say() {
	h.mu.Lock()
	defer h.mu.Unlock()
	feeds, proposals := h.mu.newEnds, h.votes.TakeChangedLocked()
	h.mu.newEnds = map[record.FeedKey]bool{}
	few := 0
	for _, i := range rand.Perm(len(h.mu.linked)) {
		p := h.mu.linked[i]
		if few == headsTo && len(p.beyond) == 0 || !p.link.Can(wire.CapHeads) {
			continue
		}
		m := wire.Heads{Room: h.id}
		ends := h.answersLocked(p)
		if few < headsTo {
			few++
			for key := range feeds {
				if key.Author != p.key && !p.refusesAuthor(key.Author) {
					ends[key] = true
				}
			}
			m.Votes = proposals
		}
		for key := range ends {
			if end, ok := h.room.End(key); ok {
				m.Feeds = append(m.Feeds, wire.Holding{Author: key.Author, Feed: key.Feed.String(), Seq: end.Seq, Head: fmt.Sprintf("%016x", end.Head)})
			}
		}
		if len(m.Feeds)+len(m.Votes) > 0 {
			h.send(p.link, m)
		}
	}
}

// answersLocked returns the feeds of which a peer still holds more than we do. It compares the others.
func (h heads) answersLocked(p *peer) map[record.FeedKey]bool {
	ends := map[record.FeedKey]bool{}
	for key, theirs := range p.beyond {
		if end, ok := h.room.End(key); ok && end.Seq < theirs.Seq && !p.refusesAuthor(key.Author) {
			ends[key] = true
		}
	}
	h.searchLocked(p, slices.Collect(maps.Values(p.beyond)))
	p.beyond = nil
	return ends
}

// take compares what a peer says with what is here.
func (h heads) take(l Link, m wire.Heads) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.peerOfLocked(l)
	if p == nil {
		return
	}
	if len(m.Feeds) > 2*maxChanged || len(m.Votes) > maxChanged {
		h.cfg.Host.Refuse(p.key, "malformed heads")
		return
	}
	var theirs []room.Holding
	for _, x := range m.Feeds {
		held, ok := holdingOf(x)
		if !ok {
			h.cfg.Host.Refuse(p.key, "malformed heads")
			continue
		}
		if end, any := h.room.End(held.Key); any && held.Seq > end.Seq && len(p.beyond) < maxChanged {
			if p.beyond == nil {
				p.beyond = map[record.FeedKey]room.Holding{}
			}
			p.beyond[held.Key] = held // it may be on its way
			h.schedule()
			continue
		}
		theirs = append(theirs, held)
	}
	h.searchLocked(p, theirs)
	if len(m.Votes) > 0 && time.Since(p.askedVotes) >= searchEvery && h.votes.TakeHeadsLocked(p.votes, m.Votes) {
		p.askedVotes = time.Now()
	}
}

// searchLocked begins the search for forks in the feeds of which a peer holds another chain. A liar causes a few a
// second.
func (h heads) searchLocked(p *peer, theirs []room.Holding) {
	if time.Since(p.searched) < searchEvery {
		return
	}
	begun := 0
	for _, f := range h.room.ForksUnknownTo(theirs) {
		if begun < searchesOf {
			h.forks.sendForkProof(p.link, f)
			begun++
		}
	}
	for _, d := range h.room.FindDivergences(theirs) {
		if begun < searchesOf {
			h.forks.requestOlder(p.link, d)
			begun++
		}
	}
	if begun > 0 {
		p.searched = time.Now()
	}
}
