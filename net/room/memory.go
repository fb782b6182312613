package room

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// Authors share the memory for feeds that aren't cold, as package standing says. How much is in memory decides what is
// done, in multiples of a rule (MaxWarmFeeds):
//
//	above 1   blocks are cooled in the order in which they came to rest (CoolableBlocks)
//	above 3   the author that gives way loses its blocks, whatever waits in them (MakeSpace)
//	above 8   that author begins no more feeds
//	above 16  nobody does
//
// So nobody can fill memory with feeds that never come to rest, and keep the blocks of others on disk.
const (
	timesPressed = 3
	timesShared  = 8
	timesFull    = 16
)

// pressedFor is how long a large block stays cold at least after its author had to give way.
const pressedFor = 5 * time.Second

// feedMemory is what a room knows of its feeds in memory.
type feedMemory struct {
	rule int                            // feeds, before blocks are cooled
	use  *standing.Budget[identity.Key] // feeds by author, up to timesPressed the rule
}

func newFeedMemory(rule int) feedMemory {
	return feedMemory{rule, standing.NewBudget[identity.Key](timesPressed*rule, timesPressed*rule)}
}

// SetWarmFeeds sets how many feeds are in memory by rule. It must be called before Restore.
func (r *Room) SetWarmFeeds(n int) { r.memory = newFeedMemory(n) }

// HasManyWarm reports whether more feeds are in memory than by rule.
func (r coldBlocks) HasManyWarm() bool { return len(r.feeds) > r.memory.rule }

// findFeed returns a feed in memory, or nil. It remembers the last one: a record is looked up several times, and so are
// most that follow it.
func (r *Room) findFeed(key record.FeedKey) *feed {
	if r.found.feed == nil || r.found.key != key {
		r.found.key, r.found.feed = key, r.feeds[key]
	}
	return r.found.feed
}

// putFeed begins to hold a feed in memory, or replaces it.
func (r *Room) putFeed(key record.FeedKey, f *feed) {
	if r.feeds[key] == nil {
		level, source := r.rank(key.Author)
		r.memory.use.Add(key.Author, level, source, 1)
	}
	r.feeds[key], r.found.feed = f, nil
}

// deleteFeed frees the memory of a feed. Its block may still list it.
func (r *Room) deleteFeed(key record.FeedKey) {
	if r.feeds[key] != nil {
		r.memory.use.Take(key.Author, 1)
		delete(r.feeds, key)
		r.found.feed = nil
	}
}

// mayBegin reports whether an author may begin a feed.
func (r coldBlocks) mayBegin(author identity.Key) bool {
	all := len(r.feeds) + 1
	return all <= timesShared*r.memory.rule || all <= timesFull*r.memory.rule && !r.givesWay(author, 1)
}

// givesWay reports whether an author would have to give way if it had n more feeds in memory.
func (r coldBlocks) givesWay(author identity.Key, n int) bool {
	level, source := r.rank(author)
	r.memory.use.Add(author, level, source, n)
	victim, over := r.memory.use.Victim(identity.Key{}) // a known author gives way after all others
	r.memory.use.Take(author, n)
	return over && victim == author
}

// MakeSpace cools blocks while too many feeds are in memory, those of the author first that gives
// way. cool asks the store for that, and calls Cool. A block for which it reports false stays, and no other author
// gives way for it. Records that wait in a block are dropped with it. Peers have them.
func (r coldBlocks) MakeSpace(cool func(BlockKey) bool) {
	use := r.memory.use
	left := map[identity.Key][]BlockKey{}
	kept := map[identity.Key]int{} // feeds of authors that can't give more now
	for {
		author, over := use.Victim(identity.Key{})
		if !over {
			break
		}
		blocks, begun := left[author]
		if !begun {
			blocks = r.warmBlocksOf(author)
		}
		if len(blocks) == 0 {
			n := use.UsedBy(author)
			use.Take(author, n)
			kept[author] += n
			continue
		}
		left[author] = blocks[1:]
		b := r.findBlock(blocks[0])
		r.dropWaitingOfBlock(blocks[0])
		if cool(blocks[0]) {
			b.pressed = r.clock.now()
		}
	}
	for author, n := range kept {
		level, source := r.rank(author)
		use.Add(author, level, source, n)
	}
}

// warmBlocksOf returns the blocks of an author that may be cooled, those with most feeds first.
func (r coldBlocks) warmBlocksOf(author identity.Key) []BlockKey {
	a := r.sums.authors[author]
	if a == nil {
		return nil
	}
	blocks := slices.DeleteFunc(slices.Collect(maps.Values(a.blocks)), func(b *blockSum) bool {
		return b.cold || len(b.feeds) == 0 || r.KeepsWarm(BlockKey{author, b.number})
	})
	slices.SortFunc(blocks, func(x, y *blockSum) int {
		return cmp.Or(cmp.Compare(len(y.feeds), len(x.feeds)), cmp.Compare(x.number, y.number))
	})
	out := make([]BlockKey, 0, len(blocks))
	for _, b := range blocks {
		out = append(out, BlockKey{author, b.number})
	}
	return out
}

// dropWaitingOfBlock drops the records that wait in a block's feeds.
func (r coldBlocks) dropWaitingOfBlock(key BlockKey) {
	if r.waiting.feeds[key.Author] == nil {
		return
	}
	for number := range maps.Clone(r.waiting.feeds[key.Author]) {
		feed := feedKey(key.Author, number)
		if f := r.feeds[feed]; f != nil && BlockOf(number) == key.Block {
			r.dropAllWaiting(f)
			r.dropEmptyFeed(feed, f)
		}
	}
}

// CanWarm reports whether a cold block is of a size that memory takes at all.
func (r coldBlocks) CanWarm(key BlockKey) bool {
	b := r.findBlock(key)
	return b != nil && b.cold && b.coldFeeds <= timesShared*r.memory.rule
}

// Warms reports whether a cold block may come back into memory now. No peer can fill memory by naming one cold block
// after the other, nor an author with a block of many feeds.
func (r coldBlocks) Warms(key BlockKey) bool {
	if !r.CanWarm(key) {
		return false
	}
	b, rule := r.findBlock(key), r.memory.rule
	space := timesShared * rule
	if b.coldFeeds > rule {
		level, _ := r.rank(key.Author)
		if level != standing.Known && r.clock.now().Sub(b.pressed) < pressedFor {
			return false
		}
		space = timesPressed*rule + b.coldFeeds
	}
	all := len(r.feeds) + b.coldFeeds
	return all <= space || all <= timesFull*rule && !r.givesWay(key.Author, b.coldFeeds)
}
