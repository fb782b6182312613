package room

import (
	"encoding/binary"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
)

// AuthorSum is an author with the sum over its feeds.
type AuthorSum struct {
	Author identity.Key
	Sum    Sum
}

// BlockSum is a block with the sum over its feeds.
type BlockSum struct {
	Block Block
	Sum   Sum
}

// CountFeeds returns how many feeds the room knows, those that only wait for a beginning included.
func (r feedSums) CountFeeds() int { return len(r.feeds) + r.sums.coldFeeds }

// CountAuthors returns how many authors the sums cover.
func (r feedSums) CountAuthors() int { return len(r.sums.authors) }

// AuthorSums returns the authors of a bucket that have records, sorted by key.
func (r feedSums) AuthorSums(bucket byte) (out []AuthorSum) {
	b := &r.sums.buckets[bucket]
	if b.stale {
		b.refresh(r.Room)
	}
	for _, a := range b.authors {
		if a.sum != (Sum{}) {
			out = append(out, AuthorSum{a.key, a.sum})
		}
	}
	return out
}

// BlockSums returns an author's blocks that have records, the greatest first.
func (r feedSums) BlockSums(author identity.Key) (out []BlockSum) {
	a := r.freshAuthor(author)
	if a == nil {
		return nil
	}
	for _, b := range slices.Backward(a.order) {
		if b.sum != (Sum{}) {
			out = append(out, BlockSum{b.number, b.sum})
		}
	}
	return out
}

// freshAuthor returns the sums of an author that is up to date; nil if nothing is held of it.
func (r feedSums) freshAuthor(author identity.Key) *authorSums {
	a := r.sums.authors[author]
	if a != nil && a.stale {
		a.refresh(r.Room)
	}
	return a
}

// authorSum returns the sum over an author's feeds.
func (r feedSums) authorSum(author identity.Key) Sum {
	if a := r.freshAuthor(author); a != nil {
		return a.sum
	}
	return Sum{}
}

// blockSum returns the sum over a block's feeds.
func (r feedSums) blockSum(key BlockKey) Sum {
	if a := r.sums.authors[key.Author]; a != nil {
		if b := a.blocks[key.Block]; b != nil {
			if b.stale && !b.cold {
				b.refresh(r.Room, key.Author)
			}
			return b.sum
		}
	}
	return Sum{}
}

// BlockEnds returns what the room holds of a block's feeds, sorted. It returns nothing of a cold block.
func (r feedSums) BlockEnds(key BlockKey) (out []Holding) {
	a := r.sums.authors[key.Author]
	if a == nil || a.blocks[key.Block] == nil {
		return nil
	}
	for _, number := range a.blocks[key.Block].feeds {
		if h, ok := r.HoldingOf(feedKey(key.Author, number)); ok {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b Holding) int { return a.Key.Compare(b.Key) })
	return out
}

// headTail returns the second 8 bytes of an id.
func headTail(id [32]byte) uint64 { return binary.BigEndian.Uint64(id[8:16]) }
