package replica

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
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
		if r.planner.CountMissing() == 0 {
			r.cfg.Events.Post(event.Sync{Scope: r.scope, Have: r.room.Count()})
		}
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
	r.memory.lockWith(feeds...)
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

// sumsAnswer packs the answer to an Outline into frames.
type sumsAnswer struct {
	frames []wire.Sums // all have room and n
	size   int         // bytes of the last frame
	most   int         // frames that may be sent
}

// next returns the frame for an item of so many bytes, besides what is packed in base64; nil when the answer is full.
func (a *sumsAnswer) next(around, packed int) *wire.Sums {
	size := around + base64.StdEncoding.EncodedLen(packed)
	last := &a.frames[len(a.frames)-1]
	if a.size+size > wire.MaxSums {
		if len(a.frames) == a.most {
			last.Rest = true
			return nil
		}
		a.frames = append(a.frames, wire.Sums{Room: last.Room, N: last.N})
		a.size = 0
	}
	a.size += size
	return &a.frames[len(a.frames)-1]
}

// Bytes of JSON around the packed values of an author, and around a packed value that stands with others.
const (
	aroundItem = 150
	aroundMore = 4
)

// answerOutline answers a peer's question about sums, as far as its sync queue takes it.
func (r outlines) answerOutline(l Link, m wire.Outline) {
	r.mu.Lock()
	p := r.peerOfLocked(l)
	if p == nil {
		r.mu.Unlock()
		return
	}
	if len(m.Buckets) > room.Buckets || len(m.Authors) > room.MaxOutlineAuthors || len(m.Blocks) > room.MaxOutlineBlocks {
		r.cfg.Host.Refuse(l.Key(), "malformed outline")
		r.mu.Unlock()
		return
	}
	syncMu := p.syncMu
	r.mu.Unlock()
	syncMu.Lock()
	defer syncMu.Unlock()
	a := &sumsAnswer{frames: []wire.Sums{{Room: r.id, N: m.N}}, most: min(room.MaxSumsFrames, l.SyncSpace())}
	if a.most == 0 {
		r.send(l, wire.Sums{Room: r.id, N: m.N, End: true, Rest: true})
		return
	}
	if len(m.Blocks) > 0 {
		r.outlines.packEnds(a, l, m)
	} else {
		r.mu.Lock()
		r.outlines.packLocked(a, p, m)
		r.mu.Unlock()
	}
	a.frames[len(a.frames)-1].End = true
	for _, m := range a.frames {
		if f := r.encode(m); f == nil || !l.Sync(f) {
			return
		}
	}
}

// packLocked packs what an Outline asks for.
func (r outlines) packLocked(a *sumsAnswer, p *peer, m wire.Outline) {
	switch {
	case len(m.Buckets) > 0:
		r.outlines.packAuthorsLocked(a, p, m)
	case len(m.Authors) > 0:
		r.outlines.packBlocksLocked(a, p, m)
	default:
		f := a.next(aroundItem, room.Buckets*wire.SumSize)
		for _, sum := range r.room.BucketSums(r.refusals.leftOutLocked(p)) {
			f.Buckets = append(f.Buckets, sum[:]...)
		}
	}
}

func (r outlines) packAuthorsLocked(a *sumsAnswer, p *peer, m wire.Outline) {
	for i, bucket := range m.Buckets {
		if i > 0 && bucket <= m.Buckets[i-1] {
			return // they ascend: naming one often would cost us, and the peer nothing
		}
		for _, x := range r.room.AuthorSums(bucket) {
			if m.AfterAuthor != nil && x.Author.Compare(*m.AfterAuthor) <= 0 || p.refusesAuthor(x.Author) {
				continue
			}
			f := a.next(0, wire.AuthorSumSize)
			if f == nil {
				return
			}
			f.Authors = append(append(f.Authors, x.Author.Bytes()...), x.Sum[:]...)
		}
	}
}

func (r outlines) packBlocksLocked(a *sumsAnswer, p *peer, m wire.Outline) {
	seen := map[identity.Key]bool{}
	for i, author := range m.Authors {
		if seen[author] || p.refusesAuthor(author) {
			continue // naming one often would cost us, and the peer nothing
		}
		seen[author] = true
		around := aroundItem
		for _, x := range r.room.BlockSums(author) {
			if i == 0 && m.After != nil && uint64(x.Block) >= *m.After {
				continue
			}
			if r.outlines.keepsBlockBackLocked(p, room.BlockKey{Author: author, Block: x.Block}) {
				a.frames[len(a.frames)-1].Less = true
				continue
			}
			f := a.next(around+aroundMore, wire.BlockSumSize)
			if f == nil {
				return
			}
			if around = 0; len(f.Blocks) == 0 || f.Blocks[len(f.Blocks)-1].Author != author {
				f.Blocks = append(f.Blocks, wire.AuthorBlocks{Author: author})
			}
			b := &f.Blocks[len(f.Blocks)-1]
			b.Blocks = append(binary.BigEndian.AppendUint32(b.Blocks, uint32(x.Block)), x.Sum[:]...)
		}
	}
}

// keepsBlockBackLocked reports whether nothing of a cold block is for a peer.
func (r outlines) keepsBlockBackLocked(p *peer, key room.BlockKey) bool {
	if p.share == nil || p.share.since.IsZero() || key.Author == p.key || !r.room.IsCold(key) {
		return false
	}
	last, cold := r.store.BlockArrived(key.StoreKey())
	return cold && last.Before(p.share.since)
}

// blockEnds returns what a peer hears that we have of a block, and whether that is less than all. It waits for the disk.
func (r outlines) blockEnds(l Link, key room.BlockKey) (out []room.Holding, less bool) {
	r.mu.Lock()
	p := r.peerOfLocked(l)
	if p == nil || p.refusesAuthor(key.Author) {
		r.mu.Unlock()
		return nil, false
	}
	s := p.share
	if !r.room.IsCold(key) {
		out = r.room.BlockEnds(key)
		for i, h := range out {
			out[i] = p.limit(h)
			less = less || out[i].Floor > h.Floor
		}
		r.mu.Unlock()
		return out, less
	}
	r.mu.Unlock()
	feeds, err := r.store.PeekBlock(r.cfg.Group.Context(), key.StoreKey())
	if err != nil {
		r.cfg.Log.Warn("read the store", "error", err)
		return nil, false
	}
	floors := r.sharing.floors(s, keysOf(feeds))
	for _, f := range feeds {
		if f.Next > 0 {
			h := storedHolding(f)
			floor := min(max(h.Floor, floors[f.Key]), h.Seq+1)
			less = less || floor > h.Floor
			h.Floor = floor
			out = append(out, h)
		}
	}
	return out, less
}

// packEnds packs the ends of blocks. It waits for the disk.
func (r outlines) packEnds(a *sumsAnswer, l Link, m wire.Outline) {
	seen := map[wire.BlockName]bool{}
	for i, name := range m.Blocks {
		if seen[name] {
			continue
		}
		seen[name] = true
		around := aroundItem
		held, less := r.outlines.blockEnds(l, room.BlockKey{Author: name.Author, Block: room.Block(name.Block)})
		for _, h := range held {
			if i == 0 && m.After != nil && uint64(h.Key.Feed) <= *m.After {
				continue
			}
			e := wire.FeedEnd{Feed: uint64(h.Key.Feed), Seq: h.Seq, Floor: h.Floor}
			binary.BigEndian.PutUint64(e.Head[:], h.Head)
			binary.BigEndian.PutUint64(e.Head[8:], h.Tail)
			packed := wire.AppendFeedEnd(nil, e)
			f := a.next(around+aroundMore, len(packed))
			if f == nil {
				return
			}
			f.Less = f.Less || less
			last := len(f.Ends) - 1
			if around = 0; last < 0 || f.Ends[last].Author != name.Author || f.Ends[last].Block != name.Block {
				f.Ends = append(f.Ends, wire.BlockEnds{Author: name.Author, Block: name.Block})
				last++
			}
			f.Ends[last].Feeds = append(f.Ends[last].Feeds, packed...)
		}
	}
}

// votesDifferLocked reports whether a peer's hash names other votes than ours.
func (r outlines) votesDifferLocked(p *peer) bool {
	return !strings.HasSuffix(p.hash, r.votes.HashLocked())
}
