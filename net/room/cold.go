package room

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// Blocks that don't change any more can be cold: the room then has their sums only, and the store has the rest. No
// record of a cold block counts as missing. Under the room's lock nothing may wait for a disk. So the caller reads a
// block and gives it to Warm before the room takes a record of it.

// coldBlocks are the methods of a Room for blocks that are cold.
type coldBlocks struct{ *Room }

// ErrCold is the error of Accept for a record of a cold block.
var ErrCold = errors.New("record of a block that can't be read")

// MaxWarmFeeds is how many feeds a room has in memory before blocks are cooled.
const MaxWarmFeeds = 4096

// restSeconds is how long a block must be unchanged until it may be cooled.
const restSeconds = 1

// ownBlocks is how many of our own last blocks stay in memory: our next feed is of one of them.
const ownBlocks = 4

// StoreKey returns the block's key in a store.
func (k BlockKey) StoreKey() store.BlockKey {
	return store.BlockKey{Author: k.Author, Block: uint32(k.Block)}
}

// BlockKeyOf returns the key of a feed's block.
func BlockKeyOf(key record.FeedKey) BlockKey { return BlockKey{key.Author, BlockOf(key.Feed)} }

// IsCold reports whether a block is cold.
func (r coldBlocks) IsCold(key BlockKey) bool {
	b := r.findBlock(key)
	return b != nil && b.cold
}

func (r coldBlocks) isColdFeed(key record.FeedKey) bool {
	return r.sums.coldFeeds > 0 && r.findFeed(key) == nil && r.IsCold(BlockKeyOf(key))
}

// HasCold reports whether any block is cold.
func (r coldBlocks) HasCold() bool { return r.sums.coldFeeds > 0 }

// ColdBlocks returns the cold ones of the blocks of feeds, each once.
func (r coldBlocks) ColdBlocks(feeds []record.FeedKey) []BlockKey {
	if r.sums.coldFeeds == 0 {
		return nil
	}
	found := map[BlockKey]bool{}
	for _, key := range feeds {
		if block := BlockKeyOf(key); r.IsCold(block) {
			found[block] = true
		}
	}
	return slices.Collect(maps.Keys(found))
}

// findBlock returns a block, or nil.
func (r coldBlocks) findBlock(key BlockKey) *blockSum {
	if a := r.sums.authors[key.Author]; a != nil {
		return a.blocks[key.Block]
	}
	return nil
}

// RestoreCold begins with a block of which only the sum is kept in memory. It must be called before Accept, as Restore.
func (r coldBlocks) RestoreCold(key BlockKey, feeds []store.Feed) {
	if r.KeepsWarm(key) || len(feeds) == 0 {
		r.Restore(feeds, nil)
		return
	}
	for _, h := range feeds {
		r.noteRestored(h)
	}
	b := r.sums.noteFeed(record.FeedKey{Author: key.Author, Feed: feeds[0].Key.Feed}, false)
	r.setCold(key, b, feeds)
}

// noteRestored follows the end of a feed that was read from the store.
func (r coldBlocks) noteRestored(h store.Feed) {
	r.clock.observe(h.Time)
	if h.Key.Author == r.self.Key() && h.Head != (record.ID{}) && h.Time.Compare(r.ownTime) >= 0 {
		r.ownLast, r.ownTime = h.Head, h.Time
	}
}

// setCold makes a block cold that has these feeds.
func (r coldBlocks) setCold(key BlockKey, b *blockSum, feeds []store.Feed) {
	b.cold, b.stale, b.sum = true, false, sumOf(key, feeds)
	b.feeds, b.coldFeeds, b.coldRecords = nil, 0, 0
	for _, h := range feeds {
		b.coldFeeds++
		b.coldRecords += int(h.Next - min(h.Floor, h.Next))
	}
	r.sums.coldFeeds += b.coldFeeds
	r.sums.coldRecords += b.coldRecords
}

// sumOf returns the sum of a block of stored feeds, which are sorted.
func sumOf(key BlockKey, feeds []store.Feed) Sum {
	h := newBlockHash(key.Author, key.Block)
	for _, f := range feeds {
		if f.Next > 0 {
			h.add(f.Key.Feed, f.Next-1, f.Head)
		}
	}
	return h.sum()
}

// Recheck compares a cold block with what the store has of it now, and reports whether the sum is right. If only
// floors have moved it is.
func (r coldBlocks) Recheck(key BlockKey, feeds []store.Feed) bool {
	b := r.findBlock(key)
	if b == nil || !b.cold {
		return true
	}
	if sumOf(key, feeds) != b.sum {
		return false
	}
	r.sums.coldFeeds -= b.coldFeeds
	r.sums.coldRecords -= b.coldRecords
	r.setCold(key, b, feeds)
	return true
}

// CoolableBlocks returns blocks to cool, those first that have been unchanged for longest. There are none unless more
// feeds are in memory than the rule, and no more than brings that down to three quarters. Blocks in which records wait
// aren't among them.
func (r coldBlocks) CoolableBlocks(keep func() map[BlockKey]bool) []BlockKey {
	limit := r.memory.rule
	if len(r.feeds) <= limit {
		return nil
	}
	type candidate struct {
		key     BlockKey
		changed int64
		feeds   int
	}
	var all []candidate
	kept, waits := keep(), r.findWaiting()
	latest := r.clock.now().Unix() - restSeconds
	for author, a := range r.sums.authors {
		for number, b := range a.blocks {
			key := BlockKey{author, number}
			if !b.cold && b.changed <= latest && !kept[key] && !waits[key] && !r.KeepsWarm(key) {
				all = append(all, candidate{key, b.changed, len(b.feeds)})
			}
		}
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.changed, y.changed), cmp.Compare(x.key.Block, y.key.Block), x.key.Author.Compare(y.key.Author))
	})
	var out []BlockKey
	for left := len(r.feeds); len(all) > 0 && left > limit*3/4; all = all[1:] {
		out = append(out, all[0].key)
		left -= all[0].feeds
	}
	return out
}

// KeepsWarm reports whether our own next records may belong to a block.
func (r coldBlocks) KeepsWarm(key BlockKey) bool {
	if key.Author != r.self.Key() {
		return false
	}
	now := BlockOf(record.Feed(r.clock.now().UnixMilli() << 16))
	return key.Block+ownBlocks > now || key.Block == BlockOf(r.ownFeed.Feed)
}

// findWaiting returns the blocks in which records wait.
func (r coldBlocks) findWaiting() map[BlockKey]bool {
	out := map[BlockKey]bool{}
	for author, feeds := range r.waiting.feeds {
		for number := range feeds {
			out[BlockKey{author, BlockOf(number)}] = true
		}
	}
	return out
}

// BlockFeeds returns the ends of a block's feeds, seq+1 by feed, without records that wait.
func (r coldBlocks) BlockFeeds(key BlockKey) map[record.Feed]uint64 {
	out := map[record.Feed]uint64{}
	b := r.findBlock(key)
	for _, number := range b.feeds {
		if f := r.feeds[feedKey(key.Author, number)]; f != nil && f.next() > 0 {
			out[number] = f.next()
		}
	}
	return out
}

// Cool drops a block's feeds from memory, but for its sum and forks. The store must have all of it, except records that
// wait. These are dropped too: peers have them.
func (r coldBlocks) Cool(key BlockKey) {
	r.dropWaitingOfBlock(key)
	r.blockSum(key) // it is the last time that it can be computed
	b := r.findBlock(key)
	if b == nil || b.cold {
		return
	}
	if len(b.feeds) == 0 { // it goes with the next sum: cold, it would stay for ever
		r.sums.markStale(r.sums.authors[key.Author])
		return
	}
	for _, number := range b.feeds {
		feed := feedKey(key.Author, number)
		f := r.feeds[feed]
		if f == nil {
			continue
		}
		if f.fork != nil && f.fork.A != nil {
			if r.coldForks == nil {
				r.coldForks = map[BlockKey][]*Fork{}
			}
			r.coldForks[key] = append(r.coldForks[key], f.fork)
		}
		b.coldFeeds++
		b.coldRecords += int(f.next() - f.floor)
		r.deleteFeed(feed)
	}
	b.cold, b.feeds = true, nil
	r.sums.coldFeeds += b.coldFeeds
	r.sums.coldRecords += b.coldRecords
	r.hash = ""
}

// dropWaitingOfBlock drops the records that wait in a block's feeds.
func (r coldBlocks) dropWaitingOfBlock(key BlockKey) {
	for number := range maps.Clone(r.waiting.feeds[key.Author]) {
		feed := feedKey(key.Author, number)
		if f := r.feeds[feed]; f != nil && BlockOf(number) == key.Block {
			r.dropAllWaiting(f)
			r.dropEmptyFeed(feed, f)
		}
	}
}

// SetHead sets the beginning of the last record's id.
func (h *Holding) SetHead(id record.ID) { h.Head, h.Tail = id.Head(), headTail(id) }
