package replica

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
)

// Two peers that compare what they hold send each other their frontiers (see package wire). One of a single page
// goes out at once. A longer one goes through the sync queue, a page when there is room for it, so that it neither
// overflows a queue nor holds up messages. A peer that must be sent a newer one meanwhile is sent it after that.

// Bounds of a comparison.
const (
	pageFeeds   = 300     // feeds in a Frontier frame
	maxFrontier = 100_000 // feeds of a known peer's frontier, or of those of all strangers of a source, until each is answered
)

// maxHash bounds what is remembered of a peer's hash, in bytes.
const maxHash = 128

// TakeHash takes the room's hash from a peer's ping. As records on their way make hashes differ, it takes two in a row
// to compare. Where something is kept back or gone they differ for good: such a pair is settled until one of the two
// changes. An empty hash is that of the ping before.
func (r *Replica) TakeHash(l Link, hash string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	if hash != "" && len(hash) <= maxHash {
		p.hash = hash
	}
	switch {
	case p.hash == "":
	case p.hash == r.refusals.hashForLocked(p):
		p.unequal, p.comparison = 0, comparison{}
		r.slowPeers.clearLocked(p)
		r.onAllAckedLocked(p)
		r.own.onComparedLocked(p, nil)
	case p.unequal == 0:
		p.unequal = 1
	case !r.outlines.isSettledLocked(p):
		p.unequal = 0
		r.frontiers.sendFrontierLocked(p, true)
	}
}

// outgoing is a frontier on its way to a peer.
type outgoing struct {
	head  wire.Frontier // what all pages have in common
	votes []wire.HeldVotes
	feeds []room.Holding
	ask   bool
}

// frontiers compares one room with its peers.
type frontiers struct{ *Replica }

// sendFrontierLocked sends all that is held of the room, in pages; ask wants the peer's in return. If that is much and
// the peer understands sums, it is sent our hash, and ask begins to compare by sums.
func (r frontiers) sendFrontierLocked(p *peer, ask bool) {
	bySums := r.outlines.bySumsLocked(p)
	if ask {
		r.outlines.noteComparisonLocked(p)
	}
	if ask && bySums {
		r.outlines.beginPullLocked(p)
		if ask = r.outlines.votesDifferLocked(p); !ask {
			return
		}
	}
	if p.sending {
		p.sendNext, p.askNext = true, p.askNext || ask
		return
	}
	if bySums {
		r.frontiers.sendPartLocked(p, nil, ask)
		return
	}
	p.awaitsReply = p.awaitsReply || ask
	r.frontiers.sendPagesLocked(p, outgoing{
		head:  wire.Frontier{Hash: r.refusals.hashForLocked(p)},
		votes: r.votes.HeldLocked(), feeds: r.frontiers.frontierForLocked(p), ask: ask,
	})
}

// sendPartLocked sends what is held of some feeds, and our hash. It leaves out votes that are the same here and there.
func (r frontiers) sendPartLocked(p *peer, feeds []room.Holding, ask bool) {
	o := outgoing{head: wire.Frontier{Hash: r.refusals.hashForLocked(p), Part: true}, feeds: feeds, ask: ask}
	if r.outlines.votesDifferLocked(p) {
		o.votes = r.votes.HeldLocked()
	}
	r.frontiers.sendPagesLocked(p, o)
}

// sendPagesLocked sends a frontier. No other may be on its way to the peer.
func (r frontiers) sendPagesLocked(p *peer, o outgoing) {
	r.mu.frontierSeq++
	o.head.Room, o.head.Turn = r.id, r.mu.frontierSeq
	if !o.head.Part && r.room.HasCold() {
		r.frontiers.sendFlatLocked(p, o)
		return
	}
	if len(o.feeds) <= pageFeeds && len(o.votes) <= votes.PageVotes {
		for f := range o.pages {
			if !r.trySend(p.link, f) {
				r.frontiers.noteUnsentLocked(p, o)
				return
			}
		}
		return
	}
	l, syncMu := p.link, p.syncMu
	p.sending = r.cfg.Group.Go("replica/frontier", func(ctx context.Context) {
		for f := range o.pages {
			if !r.frontiers.sendSync(ctx, l, syncMu, f) {
				return
			}
		}
		r.frontiers.onFrontierSent(l)
	})
}

// sendFlatLocked sends a frontier of which the store has a part.
func (r frontiers) sendFlatLocked(p *peer, o outgoing) {
	l, syncMu, s := p.link, p.syncMu, p.share
	p.sending = r.cfg.Group.Go("replica/frontier", func(ctx context.Context) {
		o.feeds = r.memory.flatFrontier(ctx, p, s)
		for f := range o.pages {
			if !r.frontiers.sendSync(ctx, l, syncMu, f) {
				return
			}
		}
		r.frontiers.onFrontierSent(l)
	})
}

// pages yields the frontier's pages, those of votes first: the last of the feeds' ends it.
func (o outgoing) pages(yield func(wire.Frontier) bool) {
	for page := range slices.Chunk(o.votes, votes.PageVotes) {
		f := o.head
		f.Feeds, f.Votes = []wire.Holding{}, page
		if !yield(f) {
			return
		}
	}
	for feeds, last := o.feeds, false; !last; {
		page := feeds[:min(pageFeeds, len(feeds))]
		feeds = feeds[len(page):]
		last = len(feeds) == 0
		f := o.head
		f.Last, f.Ask = last, last && o.ask
		for _, h := range page {
			f.Feeds = append(f.Feeds, wire.Holding{Author: h.Key.Author, Feed: h.Key.Feed.String(), Seq: h.Seq,
				Head: fmt.Sprintf("%016x", h.Head), Floor: h.Floor})
		}
		if !yield(f) {
			return
		}
	}
}

// sendSync waits for room in the sync queue beside an answer. It reports false when the link or ctx ends.
func (r frontiers) sendSync(ctx context.Context, l Link, syncMu *sync.Mutex, m wire.Message) bool {
	frame := r.encode(m)
	if frame == nil {
		return false
	}
	for sent := false; !sent; {
		if l.WaitSync(ctx) != nil {
			return false
		}
		syncMu.Lock()
		sent = l.SyncSpace() >= answerFrames/2 && l.Sync(frame) // else an answer came in between
		syncMu.Unlock()
	}
	return true
}

// onFrontierSent follows the moment in which all pages of a frontier are on their way.
func (r frontiers) onFrontierSent(l Link) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	again, ask, advertise := p.sendNext, p.askNext, p.advertiseNext
	p.sending, p.sendNext, p.askNext, p.advertiseNext = false, false, false, false
	if again {
		r.frontiers.sendFrontierLocked(p, ask)
	}
	if advertise && len(p.slow) > 0 {
		r.advertiseLocked(p)
	}
	r.frontiers.replyToPartLocked(p)
}

// frontierForLocked returns what a peer hears that we have: to one that was a stranger only so much.
func (r frontiers) frontierForLocked(p *peer) []room.Holding {
	held := slices.DeleteFunc(r.room.Frontier(), func(h room.Holding) bool { return p.refusesAuthor(h.Key.Author) })
	for i := range held {
		held[i] = p.limit(held[i])
	}
	return held
}

// limit returns what a peer hears that we hold of a feed.
func (p *peer) limit(h room.Holding) room.Holding { return p.share.limitLocked(h) }

// takeFrontier collects the pages of a peer's frontier. The last one asks for what is missing here.
func (r frontiers) takeFrontier(l Link, m wire.Frontier) {
	if m.Last {
		r.frontiers.warmPage(l, m)
	} else {
		r.mu.Lock()
	}
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	first := m.Turn != p.pageSeq // also when the end of the frontier before was lost
	if first {
		p.pageSeq, p.page = m.Turn, nil
	}
	most := maxFrontier
	if len(m.Feeds)+len(p.page) > pageFeeds {
		most = r.catchUp.shareLocked(p, maxFrontier, pageFeeds, func(q *peer) int { return len(q.page) + len(q.partAsked) })
	}
	for _, h := range m.Feeds {
		if len(p.page) >= most {
			r.cfg.Host.Refuse(p.key, "too many feeds in frontiers")
			break
		}
		held, ok := holdingOf(h)
		if !ok {
			r.cfg.Host.Refuse(p.key, "malformed frontier")
			continue
		}
		p.page = append(p.page, held)
	}
	r.votes.TakePageLocked(p.votes, m.Votes, first)
	if m.Last {
		if m.Part {
			r.frontiers.comparePartLocked(p, m)
		} else {
			r.frontiers.compareLocked(p, m.Ask)
		}
		r.votes.EndPagesLocked(p.votes)
	}
}

// compareLocked compares a peer's whole frontier with ours, asks for what is missing, and sends ours if ask says so.
func (r frontiers) compareLocked(p *peer, ask bool) {
	theirs := p.page
	p.page = nil
	p.awaitsReply = false
	r.frontiers.takeHoldingsLocked(p, theirs, false)
	r.own.onComparedLocked(p, theirs)
	r.askLocked(p)
	if ask {
		r.frontiers.sendFrontierLocked(p, false)
		p.wantsFrontier = r.outlines.isBehindLocked(p)
	}
}

// comparePartLocked takes what a peer says of some of its feeds. Without any, it says that it has another hash.
func (r frontiers) comparePartLocked(p *peer, m wire.Frontier) {
	theirs := p.page
	p.page = nil
	if len(m.Hash) <= maxHash {
		p.hash = m.Hash
	}
	r.frontiers.takeHoldingsLocked(p, theirs, true)
	r.askLocked(p)
	if len(theirs) > 0 {
		if m.Ask {
			p.partAsked = theirs
			if !p.sending {
				r.frontiers.sendPartLocked(p, r.frontiers.sameFeedsLocked(p, theirs), false)
			}
			r.frontiers.replyToPartLocked(p)
		}
		return
	}
	switch {
	case p.hash == r.refusals.hashForLocked(p):
		r.own.onComparedLocked(p, nil)
	// What answers our own question belongs to the comparison that this began.
	case p.awaitsReply || !r.outlines.isSettledLocked(p):
		p.awaitsReply = false
		r.outlines.noteComparisonLocked(p)
		r.outlines.beginPullLocked(p)
	}
	if m.Ask {
		r.frontiers.sendFrontierLocked(p, false)
		p.wantsFrontier = r.outlines.isBehindLocked(p)
	}
}

// replyToPartLocked reports what we hold of the feeds of a part, to a peer that asked for that, once we have them.
func (r frontiers) replyToPartLocked(p *peer) {
	if p.partAsked == nil || p.sending || r.planner.LacksFrom(p.key) {
		return
	}
	feeds := r.frontiers.sameFeedsLocked(p, p.partAsked)
	p.partAsked = nil
	r.frontiers.sendPartLocked(p, feeds, false)
}

// sameFeedsLocked returns what a peer hears that we have of the feeds that it named.
func (r frontiers) sameFeedsLocked(p *peer, named []room.Holding) []room.Holding {
	var out []room.Holding
	for _, x := range named {
		if h, ok := r.room.HoldingOf(x.Key); ok {
			out = append(out, p.limit(h))
		} else if r.room.IsCold(room.BlockKeyOf(x.Key)) && !p.unread[x.Key] {
			out = append(out, x) // nothing of it is missing
		}
	}
	return out
}

// isBehindLocked reports whether records of a peer are missing here, or may be.
func (r outlines) isBehindLocked(p *peer) bool {
	return r.planner.LacksFrom(p.key) || r.puller.Running(p.key)
}

// takeHoldingsLocked follows what a peer says that it holds: all, or a part of it.
func (r frontiers) takeHoldingsLocked(p *peer, theirs []room.Holding, part bool) {
	r.own.leaveIfContinuedLocked(theirs)
	own, seq, any := r.room.OwnFeed()
	for _, h := range theirs {
		if any && h.Key == own && h.Seq <= seq {
			r.onAckedLocked(p, h.Seq+1)
		}
	}
	if len(p.slow) > 0 {
		r.slowPeers.followSlowLocked(p, theirs)
	}
	for _, f := range r.room.ForksUnknownTo(theirs) {
		r.forks.sendForkProof(p.link, f)
	}
	for _, d := range r.room.FindDivergences(theirs) {
		r.forks.requestOlder(p.link, d)
	}
	r.sharing.warnTruncatedLocked(p, theirs)
	r.catchUp.limitClaimsLocked(p)
	if part {
		r.planner.AddHoldings(p.key, r.refusals.withoutRefusedLocked(p, slices.Clone(theirs)))
	} else {
		r.planner.SetHoldings(p.key, r.refusals.withoutRefusedLocked(p, theirs))
	}
}

// holdingOf returns what a peer says that it holds of a feed. It reports false if no peer can hold that.
func holdingOf(h wire.Holding) (held room.Holding, ok bool) {
	var feed record.Feed
	if feed.UnmarshalText([]byte(h.Feed)) != nil || feed == 0 || h.Author.IsZero() || h.Seq > 1<<53 || h.Floor > h.Seq+1 {
		return held, false
	}
	return room.Holding{Key: record.FeedKey{Author: h.Author, Feed: feed}, Floor: h.Floor, Seq: h.Seq, Head: parseHead(h.Head)}, true
}

// parseHead returns the beginning of an id; zero when the text isn't one.
func parseHead(text string) uint64 {
	head, err := strconv.ParseUint(text, 16, 64)
	if err != nil || len(text) != 16 {
		return 0
	}
	return head
}
