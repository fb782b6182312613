package room

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/store"
)

// A cold block comes back into memory in three steps, because the disk is read without the room's lock. BeginWarm asks
// for space and reserves it, Warm puts the feeds there, and EndWarm ends the reservation.

// CanWarm reports whether a cold block is of a size that memory takes at all.
func (r coldBlocks) CanWarm(key BlockKey) bool {
	b := r.findBlock(key)
	return b != nil && b.cold && r.countCold(key, b) <= timesShared*r.memory.rule
}

// countCold returns how many feeds a cold block brings into memory at most.
func (r coldBlocks) countCold(key BlockKey, b *blockSum) int {
	return b.coldFeeds + len(r.coldForks[key])
}

// mayWarm reports whether a cold block may come back into memory now, and how many feeds have to be reserved for it. No
// peer can fill memory by naming one cold block after the other, nor can an author with a block of many feeds.
func (r coldBlocks) mayWarm(key BlockKey) (n int, may bool) {
	if !r.CanWarm(key) {
		return 0, false
	}
	b, rule := r.findBlock(key), r.memory.rule
	n = r.countCold(key, b)
	level, source := r.rankWarm(key.Author)
	space := timesShared * rule
	if n > rule {
		if level != standing.Known && r.clock.now().Sub(b.pressed) < pressedFor {
			return 0, false
		}
		space = timesPressed*rule + n
	}
	if reserved := r.memory.reading[key]; reserved != nil {
		n = max(0, n-reserved.feeds)
	}
	all := r.memory.use.Used() + n
	return n, n == 0 || all <= space || all <= timesFull*rule && !r.givesWay(key.Author, level, source, n)
}

// rankWarm returns the rank of an author whose block is read. The peer that has it read says nothing about the source of
// feeds that are in memory already. So the source is zero then, which leaves it as it is.
func (r coldBlocks) rankWarm(author identity.Key) (standing.Level, standing.Source) {
	level, source := r.rank(author)
	if r.memory.use.UsedBy(author) > 0 {
		source = standing.Source{}
	}
	return level, source
}

// BeginWarm reports whether a cold block may come back into memory now. If so, its feeds count as if they were there
// until EndWarm, so that blocks that are read at the same time stay within the limit together.
func (r coldBlocks) BeginWarm(key BlockKey) bool {
	n, may := r.mayWarm(key)
	if !may {
		return false
	}
	level, source := r.rankWarm(key.Author)
	r.memory.use.Add(key.Author, level, source, n)
	b := r.memory.reading[key]
	if b == nil {
		b = &reading{}
		r.memory.reading[key] = b
	}
	b.feeds += n
	b.readers++
	return true
}

// EndWarm follows each BeginWarm that reported true, after Warm if the block could be read.
func (r coldBlocks) EndWarm(key BlockKey) {
	b := r.memory.reading[key]
	if b.readers--; b.readers == 0 {
		r.memory.use.Take(key.Author, b.feeds)
		delete(r.memory.reading, key)
	}
}

// Warm brings a cold block back into memory, with the feeds that the store has of it.
func (r coldBlocks) Warm(key BlockKey, feeds []store.Feed) {
	b := r.findBlock(key)
	if b == nil || !b.cold {
		return
	}
	b.cold = false
	r.sums.coldFeeds -= b.coldFeeds
	r.sums.coldRecords -= b.coldRecords
	b.coldFeeds, b.coldRecords = 0, 0
	r.sums.noteFeed(record.FeedKey{Author: key.Author, Feed: record.Feed(key.Block) << blockShift}, false)
	b.changed = r.clock.now().Unix()
	level, source := r.rankWarm(key.Author)
	for _, h := range feeds {
		r.restoreFeed(h, level, source)
	}
	r.Restore(nil, r.coldForks[key])
	delete(r.coldForks, key)
}
