package replica

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

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
	maxFrontier = 100_000 // feeds kept of a peer's frontier
)

// compareEvery is how often two hashes are compared at most once a comparison brought nothing that is kept.
const compareEvery = time.Minute

// comparison is one of our frontier with a peer's.
type comparison struct {
	ours, theirs string // hashes before it
	at           time.Time
	fruitful     bool // it brought something that we keep
}

// isSettled reports whether there is no use in comparing two hashes now.
func (c comparison) isSettled(ours, theirs string, now time.Time) bool {
	return !c.at.IsZero() && !c.fruitful && (c.ours == ours && c.theirs == theirs || now.Sub(c.at) < compareEvery)
}

// maxHash bounds what is remembered of a peer's hash, in bytes.
const maxHash = 128

// TakeHash takes the room's hash from a peer's ping. As records on their way make hashes differ, it takes two in a row
// to compare in full. Where something is kept back or gone they differ for good: such a pair is settled until one of
// the two changes. An empty hash is that of the ping before.
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
	ours, now := r.refusals.hashForLocked(p), time.Now()
	switch {
	case p.hash == "":
	case p.hash == ours:
		p.unequal, p.comparison = 0, comparison{}
		r.onAllAckedLocked(p)
		r.own.onComparedLocked(p, nil)
	case p.unequal == 0:
		p.unequal = 1
	case !p.comparison.isSettled(ours, p.hash, now):
		p.unequal, p.comparison = 0, comparison{ours: ours, theirs: p.hash, at: now}
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

// sendFrontierLocked sends all that is held of the room, in pages; ask wants the peer's in return.
func (r frontiers) sendFrontierLocked(p *peer, ask bool) {
	if p.sending {
		p.sendNext, p.askNext = true, p.askNext || ask
		return
	}
	r.mu.frontierSeq++
	o := outgoing{
		head:  wire.Frontier{Room: r.id, Hash: r.refusals.hashForLocked(p), Turn: r.mu.frontierSeq},
		votes: r.votes.HeldLocked(), feeds: r.frontiers.frontierForLocked(p), ask: ask,
	}
	if len(o.feeds) <= pageFeeds && len(o.votes) <= votes.PageVotes {
		for f := range o.pages {
			r.send(p.link, f)
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
	again, ask := p.sendNext, p.askNext
	p.sending, p.sendNext, p.askNext = false, false, false
	if again {
		r.frontiers.sendFrontierLocked(p, ask)
	}
}

// frontierForLocked returns what a peer hears that we have: to one that was a stranger only so much.
func (r frontiers) frontierForLocked(p *peer) []room.Holding {
	held := slices.DeleteFunc(r.room.Frontier(), func(h room.Holding) bool { return p.refusesAuthor(h.Key.Author) })
	for i := range held {
		held[i].Floor = min(max(held[i].Floor, p.shareFloors[held[i].Key]), held[i].Seq+1)
	}
	return held
}

// takeFrontier collects the pages of a peer's frontier. The last one asks for what is missing here.
func (r frontiers) takeFrontier(l Link, m wire.Frontier) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	first := m.Turn != p.pageSeq // also when the end of the frontier before was lost
	if first {
		p.pageSeq, p.page = m.Turn, nil
	}
	for _, h := range m.Feeds {
		held, ok := holdingOf(h)
		if !ok || len(p.page) >= maxFrontier {
			r.cfg.Host.Refuse(p.key, "malformed frontier")
			continue
		}
		p.page = append(p.page, held)
	}
	r.votes.TakePageLocked(p.votes, m.Votes, first)
	if m.Last {
		r.frontiers.compareLocked(p, m.Ask)
		r.votes.EndPagesLocked(p.votes)
	}
}

// compareLocked compares a peer's whole frontier with ours, asks for what is missing, and sends ours if ask says so.
func (r frontiers) compareLocked(p *peer, ask bool) {
	theirs := p.page
	p.page = nil
	r.own.onComparedLocked(p, theirs)
	own, seq, any := r.room.OwnFeed()
	for _, h := range theirs {
		if any && h.Key == own && h.Seq <= seq {
			r.onAckedLocked(p, h.Seq+1)
		}
	}
	if len(p.slow) > 0 {
		r.followSlowLocked(p, theirs)
	}
	for _, f := range r.room.ForksUnknownTo(theirs) {
		r.forks.sendForkProof(p.link, f)
	}
	for _, d := range r.room.FindDivergences(theirs) {
		r.forks.requestOlder(p.link, d)
	}
	r.sharing.warnTruncatedLocked(p, theirs)
	r.planner.SetHoldings(p.key, r.refusals.withoutRefusedLocked(p, theirs))
	r.askLocked(p)
	if ask {
		r.frontiers.sendFrontierLocked(p, false)
		p.wantsFrontier = r.planner.LacksFrom(p.key)
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
