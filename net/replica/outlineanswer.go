package replica

import (
	"encoding/base64"
	"encoding/binary"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// sumsAnswer packs the answer to an Outline into frames.
type sumsAnswer struct {
	frames []wire.Sums // all have room and n
	size   int         // bytes of the last frame
	most   int         // frames that may be sent
	price  int         // what the answer costs
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
	syncMu, budget := p.syncMu, r.outlines.budgetLocked(p.key)
	r.mu.Unlock()
	syncMu.Lock()
	defer syncMu.Unlock()
	a := &sumsAnswer{frames: []wire.Sums{{Room: r.id, N: m.N}}, most: min(room.MaxSumsFrames, l.SyncSpace())}
	r.mu.Lock()
	if a.most == 0 || !budget.hasLeft() {
		r.mu.Unlock()
		r.send(l, wire.Sums{Room: r.id, N: m.N, End: true, Rest: true})
		return
	}
	if len(m.Blocks) > 0 {
		budget.begun++
		r.mu.Unlock()
		r.outlines.packEnds(a, l, m)
		r.mu.Lock()
		budget.begun--
	} else {
		r.outlines.packLocked(a, p, m)
	}
	budget.charge(a.price)
	r.mu.Unlock()
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
		leftOut := r.refusals.leftOutLocked(p)
		if leftOut != nil {
			a.price += r.room.CountAuthors() // it is hashed for this answer alone
		}
		for i := range room.Buckets {
			sum := r.room.BucketSum(byte(i), leftOut)
			f.Buckets = append(f.Buckets, sum[:]...)
		}
	}
}

func (r outlines) packAuthorsLocked(a *sumsAnswer, p *peer, m wire.Outline) {
	for i, bucket := range m.Buckets {
		if i > 0 && bucket <= m.Buckets[i-1] {
			return // they ascend: naming one often would cost us, and the peer nothing
		}
		sums := r.room.AuthorSums(bucket)
		a.price += len(sums)
		for _, x := range sums {
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
		sums := r.room.BlockSums(author)
		a.price += len(sums)
		for _, x := range sums {
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

// blockEnds returns what a peer hears that we have of a block, and whether that is less than all. price is that of a
// feed which the answer doesn't name. It waits for the disk.
func (r outlines) blockEnds(l Link, key room.BlockKey) (out []room.Holding, less bool, price int) {
	r.mu.Lock()
	p := r.peerOfLocked(l)
	if p == nil || p.refusesAuthor(key.Author) {
		r.mu.Unlock()
		return nil, false, 0
	}
	s := p.share
	if !r.room.IsCold(key) {
		out = r.room.BlockEnds(key)
		for i, h := range out {
			out[i] = p.limit(h)
			less = less || out[i].Floor > h.Floor
		}
		r.mu.Unlock()
		return out, less, 1
	}
	r.mu.Unlock()
	feeds, err := r.store.PeekBlock(r.cfg.Group.Context(), key.StoreKey())
	if err != nil {
		r.cfg.Log.Warn("read the store", "error", err)
		return nil, false, 0
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
	return out, less, priceRead
}

// packEnds packs the ends of blocks. It waits for the disk.
func (r outlines) packEnds(a *sumsAnswer, l Link, m wire.Outline) {
	seen := map[wire.BlockName]bool{}
	for i, name := range m.Blocks {
		block := room.Block(name.Block)
		if seen[name] || i == 0 && m.After != nil && *m.After >= uint64(block.LastFeed()) {
			continue
		}
		seen[name] = true
		around := aroundItem
		held, less, price := r.outlines.blockEnds(l, room.BlockKey{Author: name.Author, Block: block})
		a.price += price * len(held)
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
			a.price -= price - 1
			last := len(f.Ends) - 1
			if around = 0; last < 0 || f.Ends[last].Author != name.Author || f.Ends[last].Block != name.Block {
				f.Ends = append(f.Ends, wire.BlockEnds{Author: name.Author, Block: name.Block})
				last++
			}
			f.Ends[last].Feeds = append(f.Ends[last].Feeds, packed...)
		}
	}
}
