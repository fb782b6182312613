package room

import (
	"cmp"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// take takes what a part of an answer says. It reports false if that doesn't fit the question.
func (p *Puller) take(from identity.Key, s *pull, a Answer) ([]Holding, bool) {
	q := s.asked
	switch {
	case a.Buckets != nil:
		if len(a.Buckets) != Buckets || len(q.Buckets)+len(q.Authors)+len(q.Blocks) > 0 {
			return nil, false
		}
		var leaveOut func(identity.Key) bool
		if p.leftOut != nil {
			leaveOut = p.leftOut(from)
		}
		for i, sum := range a.Buckets {
			if sum != (Sum{}) && sum != p.room.BucketSum(byte(i), leaveOut) {
				s.buckets = append(s.buckets, byte(i))
			}
		}
		return nil, true
	case a.Authors != nil:
		return nil, p.takeAuthors(from, s, a.Authors)
	case a.Blocks != nil:
		return nil, p.takeBlocks(s, a.Blocks)
	}
	return p.takeEnds(s, a.Ends)
}

func (p *Puller) takeAuthors(from identity.Key, s *pull, authors []AuthorSum) bool {
	refuses := func(_, _ identity.Key) bool { return false }
	if p.refuses != nil {
		refuses = p.refuses()
	}
	for _, x := range authors {
		before := cmp.Or(s.latest.author, s.asked.AfterAuthor)
		if !slices.Contains(s.asked.Buckets, bucketOf(x.Author)) || before != nil && x.Author.Compare(*before) <= 0 {
			return false
		}
		s.latest.author = &x.Author
		if p.room.authorSum(x.Author) != x.Sum && !refuses(from, x.Author) {
			s.authors = append(s.authors, x)
		}
	}
	return true
}

func (p *Puller) takeBlocks(s *pull, blocks []AuthorBlocks) bool {
	var added []queuedBlock
	for _, x := range blocks {
		if s.latest.author == nil || *s.latest.author != x.Author {
			if !follows(s.asked.Authors, s.latest.author, x.Author) {
				return false
			}
			s.latest = cursor{author: &x.Author}
			if x.Author == s.asked.Authors[0] {
				s.latest.at = s.asked.After
			}
		}
		for _, b := range x.Blocks {
			at := uint64(b.Block)
			if s.latest.at != nil && at >= *s.latest.at || at > uint64(BlockOf(^record.Feed(0))) {
				return false
			}
			s.latest.at = &at
			if key := (BlockKey{x.Author, b.Block}); p.room.blockSum(key) != b.Sum {
				added = append(added, queuedBlock{key, b.Sum})
			}
		}
	}
	s.blocks = append(s.blocks, added...)
	slices.SortStableFunc(s.blocks, func(a, b queuedBlock) int { return cmp.Compare(b.key.Block, a.key.Block) })
	return true
}

func (p *Puller) takeEnds(s *pull, ends []BlockEnds) (held []Holding, ok bool) {
	for _, x := range ends {
		if s.latest.block == nil || *s.latest.block != x.Key {
			if !follows(s.asked.Blocks, s.latest.block, x.Key) {
				return nil, false
			}
			s.latest = cursor{block: &x.Key}
			if x.Key == s.asked.Blocks[0] {
				s.latest.at = s.asked.After
			}
		}
		for _, h := range x.Feeds {
			at := uint64(h.Key.Feed)
			if s.latest.at != nil && at <= *s.latest.at || h.Key.Author != x.Key.Author || BlockOf(h.Key.Feed) != x.Key.Block {
				return nil, false
			}
			s.latest.at = &at
			held = append(held, h)
		}
	}
	return held, true
}

// follows reports whether an item is asked for, and stands behind another one that came before; nil: none did.
func follows[T comparable](asked []T, before *T, item T) bool {
	i := slices.Index(asked, item)
	return i >= 0 && (before == nil || slices.Index(asked, *before) < i)
}

// askAgain puts back what was asked for, from a place in the answer on. The zero cursor stands for all of it.
func (p *Puller) askAgain(s *pull, from cursor) {
	q := s.asked
	s.asked = nil
	switch {
	case len(q.Buckets) > 0:
		if from.author == nil {
			from.author = q.AfterAuthor
		}
		rest := q.Buckets
		for from.author != nil && len(rest) > 0 && rest[0] < bucketOf(*from.author) {
			rest = rest[1:]
		}
		s.buckets, s.inBucket = append(slices.Clone(rest), s.buckets...), from.author
	case len(q.Authors) > 0:
		first := 0
		if from.author != nil {
			first = slices.Index(q.Authors, *from.author)
		} else {
			from.at = q.After
		}
		var rest []AuthorSum
		for _, author := range q.Authors[first:] {
			rest = append(rest, AuthorSum{Author: author})
		}
		s.authors, s.inAuthor = append(rest, s.authors...), from.at
	case len(q.Blocks) > 0:
		if from.block == nil {
			from = cursor{block: &q.Blocks[0], at: q.After}
		}
		i := slices.Index(q.Blocks, *from.block)
		s.blocks, s.inBlock = append(slices.Clone(s.current[i+1:]), s.blocks...), from
	}
}
