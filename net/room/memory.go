package room

import (
	"cmp"
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
//	above 16  no one does
//
// So a stranger can't fill memory with feeds that never come to rest, and keep the blocks of others on disk. Blocks that
// are being read count as if they were in memory (BeginWarm).
//
// Feeds come into memory unasked in two ways. Restore takes what the store has in memory at the start: a Disk has 8192
// feeds there at most, besides those that can't be cooled. MakeSpace follows, so that only the latter stay above 3.
// AppendText begins a feed of ours with the first message of a run. A run begins another only if it lost that feed, or
// if someone else signs there with our key.
const (
	timesPressed = 3
	timesShared  = 8
	timesFull    = 16
)

// pressedFor is how long a large block stays cold at least after its author had to give way.
const pressedFor = 5 * time.Second

// How much MakeSpace asks the store in vain: it holds the room's lock.
const (
	maxRefused = 64 // blocks in one call
	refusedFor = 2  // seconds until a block is asked for again
)

// feedMemory is what a room knows of its feeds in memory.
type feedMemory struct {
	rule    int                            // feeds, before blocks are cooled
	use     *standing.Budget[identity.Key] // feeds by author, up to timesPressed the rule, with those that are being read
	reading map[BlockKey]*reading
}

// reading is a cold block that is being read from disk.
type reading struct {
	feeds   int // counted in feedMemory.use
	readers int
}

func newFeedMemory(rule int) feedMemory {
	use := standing.NewBudget[identity.Key](timesPressed*rule, timesPressed*rule)
	return feedMemory{rule, use, map[BlockKey]*reading{}}
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

// putFeed begins to hold a feed in memory, or replaces it. What waited in the one before is dropped.
func (r coldBlocks) putFeed(key record.FeedKey, f *feed, level standing.Level, source standing.Source) {
	if before := r.feeds[key]; before == nil {
		r.memory.use.Add(key.Author, level, source, 1)
	} else {
		r.emptyFeed(before)
	}
	r.feeds[key], r.found.feed = f, nil
}

// deleteFeed frees the memory of a feed, with what waits in it. Its block may still list it.
func (r coldBlocks) deleteFeed(key record.FeedKey) {
	if f := r.feeds[key]; f != nil {
		r.emptyFeed(f)
		r.memory.use.Take(key.Author, 1)
		delete(r.feeds, key)
		r.found.feed = nil
	}
}

// emptyFeed counts a feed's records as gone from memory, and drops those that wait.
func (r coldBlocks) emptyFeed(f *feed) {
	r.dropAllWaiting(f)
	r.memBytes -= f.memBytes
}

// mayBegin reports whether an author may begin a feed.
func (r coldBlocks) mayBegin(author identity.Key) bool {
	all := r.memory.use.Used() + 1
	if all <= timesShared*r.memory.rule {
		return true
	}
	level, source := r.rank(author)
	return all <= timesFull*r.memory.rule && !r.givesWay(author, level, source, 1)
}

// givesWay reports whether an author would have to give way if it had n more feeds in memory. There is no newcomer to
// blame: a known author gives way after all others.
func (r coldBlocks) givesWay(author identity.Key, level standing.Level, source standing.Source, n int) bool {
	return r.memory.use.WouldGiveWay(author, level, source, n, identity.Key{})
}

// MakeSpace cools blocks while too many feeds are in memory, those of the author first that gives way. cool asks the
// store whether it has all of a block, and then calls Cool. A block for which it reports false stays as it is, and no
// other author gives way for it. After maxRefused such blocks MakeSpace goes on another time, with other blocks.
func (r coldBlocks) MakeSpace(cool func(BlockKey) bool) {
	use, left, refused := r.memory.use, map[identity.Key][]BlockKey{}, 0
	use.MakeSpace(func(author identity.Key) (goOn bool) {
		blocks, begun := left[author]
		if !begun {
			blocks = r.listCoolable(author)
		}
		for used := use.UsedBy(author); len(blocks) > 0 && use.UsedBy(author) == used && refused < maxRefused; blocks = blocks[1:] {
			b := r.findBlock(blocks[0])
			if now := r.clock.now(); cool(blocks[0]) {
				b.pressed = now
			} else {
				b.refused = now.Unix()
				refused++
			}
		}
		left[author] = blocks
		return refused < maxRefused
	})
}

// listCoolable returns the blocks of an author that may be cooled, those with most feeds first. It leaves out those
// that the store refused just now.
func (r coldBlocks) listCoolable(author identity.Key) []BlockKey {
	a := r.sums.authors[author]
	if a == nil {
		return nil
	}
	var blocks []*blockSum
	latest := r.clock.now().Unix() - refusedFor
	for _, b := range a.order {
		if !b.cold && len(b.feeds) > 0 && b.refused <= latest && !r.KeepsWarm(BlockKey{author, b.number}) {
			blocks = append(blocks, b)
		}
	}
	slices.SortFunc(blocks, func(x, y *blockSum) int {
		return cmp.Or(cmp.Compare(len(y.feeds), len(x.feeds)), cmp.Compare(x.number, y.number))
	})
	out := make([]BlockKey, 0, len(blocks))
	for _, b := range blocks {
		out = append(out, BlockKey{author, b.number})
	}
	return out
}
