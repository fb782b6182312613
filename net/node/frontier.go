package node

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"sync"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// Two that compare what they hold tell each other their frontiers (DESIGN.md §4). One that is a page goes
// out at once. A longer one goes as bulk, a page when there is room for it, so that it neither overflows a
// queue nor holds up lines; who is to hear it anew meanwhile hears it when it is through.

// Bounds of a comparison.
const (
	pageFeeds   = 300     // lines of a Frontier frame
	pageVotes   = 200     // of votes, in a Frontier or a Want
	maxFrontier = 100_000 // lines kept of a peer's
)

// telling is a frontier on its way to a peer.
type telling struct {
	head  wire.Frontier // what all pages have in common
	votes vote.Map
	feeds []room.Holding
	ask   bool
}

// tellFrontier sends all that is held of the room, in pages; ask wants the peer's in return. Called
// with mu held.
func (n *Node) tellFrontier(p *peer, ask bool) {
	if p.telling {
		p.tellAgain, p.askAgain = true, p.askAgain || ask
		return
	}
	n.turn++
	t := telling{
		head:  wire.Frontier{Room: n.room.ID().String(), Hash: n.hash(), Turn: n.turn},
		votes: n.box.Map(), feeds: n.frontierFor(p), ask: ask,
	}
	if len(t.feeds) <= pageFeeds && len(t.votes) <= pageVotes {
		for f := range t.pages {
			n.send(p.link, f)
		}
		return
	}
	l, bulk := p.link, p.bulk
	p.telling = n.group.Go("node/frontier", func(ctx context.Context) {
		for f := range t.pages {
			if !n.sendBulk(ctx, l, bulk, f) {
				return
			}
		}
		n.frontierTold(l)
	})
}

// pages yields the frontier's pages, those of votes first: the last of the feeds' ends it.
func (t telling) pages(yield func(wire.Frontier) bool) {
	for votes := t.votes; len(votes) > 0; {
		page := votes[:min(pageVotes, len(votes))]
		votes = votes[len(page):]
		f := t.head
		f.Feeds, f.Votes = []wire.Holding{}, votesOnWire(page)
		if !yield(f) {
			return
		}
	}
	for feeds, last := t.feeds, false; !last; {
		page := feeds[:min(pageFeeds, len(feeds))]
		feeds = feeds[len(page):]
		last = len(feeds) == 0
		f := t.head
		f.Last, f.Ask = last, last && t.ask
		for _, h := range page {
			f.Feeds = append(f.Feeds, wire.Holding{Author: h.Key.Author, Feed: h.Key.Feed.String(), Seq: h.Seq,
				Head: hex.EncodeToString(binary.BigEndian.AppendUint64(nil, h.Head)), Floor: h.Floor})
		}
		if !yield(f) {
			return
		}
	}
}

// sendBulk waits until the link's sync queue has room, and leaves enough of it for an answer. It reports
// false when the link goes down, or ctx ends. Called without mu.
func (n *Node) sendBulk(ctx context.Context, l *link.Link, bulk *sync.Mutex, m wire.Message) bool {
	frame, err := wire.Encode(m)
	if err != nil {
		n.cfg.Log.Error("encode", "error", err)
		return false
	}
	for sent := false; !sent; {
		if l.WaitSync(ctx) != nil {
			return false
		}
		bulk.Lock()
		sent = l.SyncSpace() >= wantFrames/2 && l.Sync(frame) // else an answer came in between
		bulk.Unlock()
	}
	return true
}

// frontierTold is called when all pages of a frontier are on their way.
func (n *Node) frontierTold(l *link.Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.up(l)
	if p == nil {
		return
	}
	again, ask := p.tellAgain, p.askAgain
	p.telling, p.tellAgain, p.askAgain = false, false, false
	if again {
		n.tellFrontier(p, ask)
	}
}

// heardFrontier collects the pages of a peer's frontier, and asks for what is missing here.
func (n *Node) heardFrontier(p *peer, m wire.Frontier) {
	if m.Room != n.room.ID().String() {
		return
	}
	if m.Turn != p.turn { // the end of the one before was lost
		p.turn, p.page, p.votesPage = m.Turn, nil, nil
	}
	n.heardVotes(p, m.Votes)
	for _, h := range m.Feeds {
		var feed record.Feed
		if feed.UnmarshalText([]byte(h.Feed)) != nil || feed == 0 || h.Author.IsZero() || h.Seq > 1<<53 ||
			h.Floor > h.Seq+1 || len(p.page) >= maxFrontier {
			n.refuse(p.link, "malformed frontier")
			continue
		}
		p.page = append(p.page, room.Holding{Key: record.FeedKey{Author: h.Author, Feed: feed}, Floor: h.Floor, Seq: h.Seq, Head: headOf(h.Head)})
	}
	if !m.Last {
		return
	}
	theirs := p.page
	p.page = nil
	own, seq, any := n.room.OwnFeed()
	for _, h := range theirs {
		if any && h.Key == own && h.Seq <= seq {
			n.delivered(p, h.Seq+1)
		}
	}
	if p.behind {
		n.follow(p, theirs)
	}
	for _, f := range n.room.ForksUnknownTo(theirs) {
		n.prove(p, f)
	}
	for _, d := range n.room.FindDivergences(theirs) {
		n.doubt(p.link, d)
	}
	n.cutShort(p, theirs)
	n.planner.SetHoldings(p.Key, theirs)
	n.ask(p)
	n.heardAllVotes(p)
	if m.Ask {
		n.tellFrontier(p, false)
		p.waits = n.planner.LacksFrom(p.Key)
	}
}

// headOf is the beginning of an id as it came; zero when it isn't one.
func headOf(text string) uint64 {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(raw)
}
