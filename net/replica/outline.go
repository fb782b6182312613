package replica

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// Large rooms compare by sums (see package wire): each peer descends to what differs and asks for it (room.Puller). A
// comparison is settled when it has brought nothing, so that peers that differ for good don't compare for ever.

// When two peers compare again.
const (
	settledFor    = time.Minute      // at least between comparisons that bring nothing
	comparedAgain = 10 * time.Minute // for hashes that were compared already: an answer may have been lost
)

// outlines compares one room with its peers by sums. The methods that end in Locked need the replica's lock.
type outlines struct{ *Replica }

// comparison is a pair of hashes that was compared.
type comparison struct {
	ours, theirs string
	at           time.Time
	brought      bool // something that we keep
}

// sumHashLocked returns the hash by sums.
func (r outlines) sumHashLocked() string { return r.room.Sum(nil).String() + r.votes.HashLocked() }

// hashOfAllLocked returns the hash over all that we hold, in the form that a link's peer compares.
func (r outlines) hashOfAllLocked(l Link) string {
	if l.Can(wire.CapFeeds) {
		return r.outlines.sumHashLocked()
	}
	return r.hashLocked()
}

// bySumsLocked reports whether what we hold is too much for one Frontier to a peer, and it understands sums.
func (r outlines) bySumsLocked(p *peer) bool {
	return p.link.Can(wire.CapFeeds) && r.room.CountFeeds() > pageFeeds
}

// isSettledLocked reports whether comparing with a peer would most likely bring nothing.
func (r outlines) isSettledLocked(p *peer) bool {
	c, since := p.comparison, time.Since(p.comparison.at)
	if c.at.IsZero() {
		return false
	}
	if c.theirs == p.hash && c.ours == r.refusals.hashForLocked(p) {
		return since < comparedAgain
	}
	return !c.brought && since < settledFor
}

// noteComparisonLocked notes that a comparison with a peer begins.
func (r outlines) noteComparisonLocked(p *peer) {
	p.comparison = comparison{ours: r.refusals.hashForLocked(p), theirs: p.hash, at: time.Now()}
}

// beginPullLocked begins to compare by sums with a peer.
func (r outlines) beginPullLocked(p *peer) {
	r.puller.Begin(p.key)
	r.askLocked(p)
}

// pullLocked puts the next question about sums to a peer.
func (r outlines) pullLocked(p *peer) {
	if p.link == nil || !r.puller.Running(p.key) {
		return
	}
	if r.puller.HasCompared(p.key, r.cfg.Identity.Key()) {
		r.own.onComparedLocked(p, nil)
	}
	if q, any := r.puller.NextRequest(p.key); any {
		m := wire.Outline{Room: r.id, N: q.N, Buckets: q.Buckets, Authors: q.Authors, AfterAuthor: q.AfterAuthor, After: q.After}
		for _, b := range q.Blocks {
			m.Blocks = append(m.Blocks, wire.BlockName{Author: b.Author, Block: uint32(b.Block)})
		}
		r.send(p.link, m)
	}
	if !r.puller.Running(p.key) {
		r.catchUp.countLocked(false, true)
		r.onCaughtUpLocked(p)
	}
}

// takeSums takes a part of an answer about sums.
func (r outlines) takeSums(l Link, m wire.Sums) {
	a, err := answerOf(m)
	var feeds []record.FeedKey
	r.mu.Lock()
	awaited := r.puller.Awaits(l.Key(), m.N)
	r.mu.Unlock()
	for _, x := range a.Ends {
		if awaited && len(x.Feeds) > 0 && len(feeds) < room.MaxOutlineBlocks {
			feeds = append(feeds, x.Feeds[0].Key)
		}
	}
	r.memory.lockWith(l.Key(), feeds...)
	defer r.mu.Unlock()
	p := r.peerOfLocked(l)
	if p == nil {
		return
	}
	var held []room.Holding
	if err == nil {
		held, err = r.puller.TakeAnswer(p.key, a)
	}
	if err != nil {
		r.puller.RemovePeer(p.key)
		r.cfg.Host.Refuse(p.key, room.ErrOutline.Error())
		return
	}
	if m.Less {
		r.sharing.warnLessLocked(p)
	}
	if slices.ContainsFunc(r.room.ColdBlocks(feeds), r.room.CanWarm) { // there was no memory for them just now
		p.comparison = comparison{}
	}
	r.frontiers.takeHoldingsLocked(p, held, true)
	r.askLocked(p)
}

// answerOf unpacks a Sums frame.
func answerOf(m wire.Sums) (a room.Answer, err error) {
	a = room.Answer{N: m.N, End: m.End, Rest: m.Rest}
	if len(m.Buckets)%wire.SumSize+len(m.Authors)%wire.AuthorSumSize > 0 {
		return a, room.ErrOutline
	}
	for sum := range slices.Chunk(m.Buckets, wire.SumSize) {
		a.Buckets = append(a.Buckets, room.Sum(sum))
	}
	for packed := range slices.Chunk(m.Authors, wire.AuthorSumSize) {
		author, err := identity.KeyFromBytes(packed[:32])
		if err != nil {
			return a, err
		}
		a.Authors = append(a.Authors, room.AuthorSum{Author: author, Sum: room.Sum(packed[32:])})
	}
	for _, x := range m.Blocks {
		blocks := room.AuthorBlocks{Author: x.Author}
		if len(x.Blocks)%wire.BlockSumSize > 0 || x.Author.IsZero() {
			return a, room.ErrOutline
		}
		for b := range slices.Chunk(x.Blocks, wire.BlockSumSize) {
			blocks.Blocks = append(blocks.Blocks, room.BlockSum{Block: room.Block(binary.BigEndian.Uint32(b)), Sum: room.Sum(b[4:])})
		}
		a.Blocks = append(a.Blocks, blocks)
	}
	for _, x := range m.Ends {
		ends := room.BlockEnds{Key: room.BlockKey{Author: x.Author, Block: room.Block(x.Block)}}
		feeds, err := wire.ParseFeedEnds(x.Feeds)
		if err != nil {
			return a, err
		}
		for _, e := range feeds {
			if e.Feed == 0 || e.Seq > 1<<53 || e.Floor > e.Seq+1 || x.Author.IsZero() {
				return a, room.ErrOutline
			}
			ends.Feeds = append(ends.Feeds, room.Holding{
				Key: record.FeedKey{Author: x.Author, Feed: record.Feed(e.Feed)}, Floor: e.Floor, Seq: e.Seq,
				Head: binary.BigEndian.Uint64(e.Head[:]), Tail: binary.BigEndian.Uint64(e.Head[8:]),
			})
		}
		a.Ends = append(a.Ends, ends)
	}
	return a, nil
}

// votesDifferLocked reports whether a peer's hash names other votes than ours.
func (r outlines) votesDifferLocked(p *peer) bool {
	return !strings.HasSuffix(p.hash, r.votes.HashLocked())
}
