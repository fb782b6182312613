package room

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/store"
)

// Sum is the beginning of a SHA-256 over a part of what a room holds (see the package comment). The zero Sum stands
// for nothing.
type Sum [16]byte

// String returns the sum as 32 hex digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// Block numbers the feeds of an author that began within the same 18.6 hours. It follows from the feed's number, so
// any record names its block.
type Block uint32

// blockShift is how many low bits of a feed's number don't belong to its block.
const blockShift = store.BlockShift

// BlockOf returns the block of a feed.
func BlockOf(feed record.Feed) Block { return Block(feed >> blockShift) }

// LastFeed returns the greatest number that a feed of a block may have.
func (b Block) LastFeed() record.Feed { return record.Feed(b)<<blockShift | (1<<blockShift - 1) }

// BlockKey names a block of an author.
type BlockKey struct {
	Author identity.Key
	Block  Block
}

// Buckets is the number of buckets that authors are divided into, by the first byte of their keys.
const Buckets = 256

// sums are the sums over a room's feeds. A change marks what lies above it as stale, and only that is hashed again,
// when it is asked for.
type sums struct {
	authors map[identity.Key]*authorSums
	buckets [Buckets]bucketSum
	total   Sum
	fresh   bool // total is
	hashed  int  // feeds that went into sums so far; tests look at it

	coldFeeds, coldRecords int // in all cold blocks
}

// bucketSum is the sum over the authors of a bucket.
type bucketSum struct {
	authors  []*authorSums
	unsorted bool
	stale    bool
	sum      Sum
}

// authorSums are the sums over an author's blocks.
type authorSums struct {
	key      identity.Key
	blocks   map[Block]*blockSum
	order    []*blockSum // all of blocks
	unsorted bool
	stale    bool
	sum      Sum
}

// blockSum is the sum over the feeds of a block.
type blockSum struct {
	number   Block
	feeds    []record.Feed // nil if it is cold
	unsorted bool
	stale    bool
	sum      Sum
	changed  int64 // s since 1970

	cold                   bool // see cold.go
	coldFeeds, coldRecords int
	pressed                time.Time // when its author had to give way; see memory.go
	refused                int64     // when the store couldn't cool it, s since 1970
}

// feedSums are the methods of a Room for its sums.
type feedSums struct{ *Room }

// addFeed adds a feed of which nothing is held yet. It counts for its block from now on: a block isn't cooled while
// records wait in it.
func (r feedSums) addFeed(key record.FeedKey) *feed {
	f := newFeed()
	level, source := r.rank(key.Author)
	r.putFeed(key, f, level, source)
	r.noteChanged(key, f)
	return f
}

// noteChanged follows a feed that begins, or whose end has moved.
func (r feedSums) noteChanged(key record.FeedKey, f *feed) {
	r.hash = ""
	r.sums.noteFeed(key, !f.listed).changed = r.clock.now().Unix()
	f.listed = true
}

// noteFeed marks all sums over a feed as stale, and returns its block. added says that the feed is new to that.
func (s *sums) noteFeed(key record.FeedKey, added bool) *blockSum {
	a := s.authors[key.Author]
	if a == nil {
		a = &authorSums{key: key.Author, blocks: map[Block]*blockSum{}}
		if s.authors == nil {
			s.authors = map[identity.Key]*authorSums{}
		}
		s.authors[key.Author] = a
		bucket := &s.buckets[bucketOf(key.Author)]
		bucket.authors, bucket.unsorted = append(bucket.authors, a), true
	}
	s.markStale(a)
	number := BlockOf(key.Feed)
	b := a.blocks[number]
	if b == nil {
		b = &blockSum{number: number}
		a.blocks[number] = b
		a.order, a.unsorted = append(a.order, b), true
	}
	b.stale = true
	if added {
		b.feeds, b.unsorted = append(b.feeds, key.Feed), true
	}
	return b
}

// markStale has all sums over an author computed again.
func (s *sums) markStale(a *authorSums) {
	s.fresh, s.buckets[bucketOf(a.key)].stale, a.stale = false, true, true
}

func bucketOf(author identity.Key) byte { return author.First() }

// Sum returns the sum over all feeds, but for those of the authors to leave out; nil: none.
func (r feedSums) Sum(leaveOut func(identity.Key) bool) Sum {
	s := &r.sums
	if leaveOut == nil && s.fresh {
		return s.total
	}
	h := sha256.New()
	var sum Sum
	for i := range Buckets {
		sum = r.BucketSum(byte(i), leaveOut)
		h.Write(sum[:])
	}
	total := Sum(h.Sum(nil)[:16])
	if leaveOut == nil {
		s.total, s.fresh = total, true
	}
	return total
}

// BucketSum returns the sum over a bucket, but for the authors to leave out; nil: none. No method returns all of
// them: that array of 4 KiB would grow the stack of each link's goroutines, which ask for Sum with every ping.
func (r feedSums) BucketSum(bucket byte, leaveOut func(identity.Key) bool) Sum {
	b := &r.sums.buckets[bucket]
	if b.stale {
		b.refresh(r.Room)
	}
	if leaveOut != nil && slices.ContainsFunc(b.authors, func(a *authorSums) bool { return leaveOut(a.key) }) {
		return b.sumWithout(leaveOut)
	}
	return b.sum
}

// refresh hashes what is stale in a bucket, and drops authors without records.
func (b *bucketSum) refresh(r *Room) {
	for _, a := range b.authors {
		if a.stale {
			a.refresh(r)
		}
	}
	b.authors = slices.DeleteFunc(b.authors, func(a *authorSums) bool {
		if len(a.order) == 0 {
			delete(r.sums.authors, a.key)
		}
		return len(a.order) == 0
	})
	if b.unsorted {
		slices.SortFunc(b.authors, func(x, y *authorSums) int { return x.key.Compare(y.key) })
		b.unsorted = false
	}
	b.stale, b.sum = false, b.sumWithout(nil)
}

// sumWithout returns the sum over a fresh bucket's authors, but for those to leave out; nil: none.
func (b *bucketSum) sumWithout(leaveOut func(identity.Key) bool) Sum {
	h, any := sha256.New(), false
	for _, a := range b.authors {
		if a.sum != (Sum{}) && (leaveOut == nil || !leaveOut(a.key)) {
			any = true
			h.Write(a.key.Bytes())
			h.Write(a.sum[:])
		}
	}
	if !any {
		return Sum{}
	}
	return Sum(h.Sum(nil)[:16])
}

// refresh hashes an author's stale blocks, and drops those without feeds.
func (a *authorSums) refresh(r *Room) {
	for _, b := range a.order {
		if b.stale {
			b.refresh(r, a.key)
		}
	}
	a.order = slices.DeleteFunc(a.order, func(b *blockSum) bool {
		gone := len(b.feeds) == 0 && !b.cold
		if gone {
			delete(a.blocks, b.number)
		}
		return gone
	})
	if a.unsorted {
		slices.SortFunc(a.order, func(x, y *blockSum) int { return int(x.number) - int(y.number) })
		a.unsorted = false
	}
	h, any := sha256.New(), false
	var number [4]byte
	for _, b := range a.order {
		if b.sum != (Sum{}) {
			any = true
			binary.BigEndian.PutUint32(number[:], uint32(b.number))
			h.Write(number[:])
			h.Write(b.sum[:])
		}
	}
	a.stale, a.sum = false, Sum{}
	if any {
		a.sum = Sum(h.Sum(nil)[:16])
	}
}

// refresh hashes a block's feeds, and drops those that the room doesn't know any more.
func (b *blockSum) refresh(r *Room, author identity.Key) {
	if b.unsorted {
		slices.Sort(b.feeds)
		b.feeds = slices.Compact(b.feeds) // a feed that was forgotten and came again is listed twice
		b.unsorted = false
	}
	h := newBlockHash(author, b.number)
	b.feeds = slices.DeleteFunc(b.feeds, func(number record.Feed) bool {
		f := r.feeds[record.FeedKey{Author: author, Feed: number}]
		if f == nil {
			return true
		}
		if f.next() > 0 {
			h.add(number, f.next()-1, f.head)
		}
		return false
	})
	b.stale, b.sum = false, h.sum()
	r.sums.hashed += h.feeds
}

// blockHash computes the sum over a block's feeds, which are added in ascending order.
type blockHash struct {
	input []byte
	feeds int
}

func newBlockHash(author identity.Key, number Block) blockHash {
	return blockHash{input: binary.BigEndian.AppendUint32(slices.Clone(author.Bytes()), uint32(number))}
}

func (h *blockHash) add(feed record.Feed, seq uint64, head record.ID) {
	h.input = binary.BigEndian.AppendUint64(h.input, uint64(feed))
	h.input = binary.BigEndian.AppendUint64(h.input, seq)
	h.input = append(h.input, head[:16]...)
	h.feeds++
}

func (h *blockHash) sum() Sum {
	if h.feeds == 0 {
		return Sum{}
	}
	full := sha256.Sum256(h.input)
	return Sum(full[:16])
}
