package room

import (
	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
)

// HasFeed reports whether a record of a feed is or was here, so that the room has the feed's end.
func (r *Room) HasFeed(key record.FeedKey) bool {
	f := r.findFeed(key)
	return f != nil && f.next() > 0
}

// HasPlaceFor reports whether a record's place is still empty here, and may be taken. It reports false in a cold block.
func (r *Room) HasPlaceFor(rec *record.Record) bool {
	f := r.findFeed(rec.FeedKey())
	if f == nil {
		return !r.isColdFeed(rec.FeedKey())
	}
	return rec.Seq() >= f.next() && (f.fork == nil || rec.Seq() < f.fork.Seq)
}

// RemoveAuthor forgets all feeds of an author, ends included. The local author's stay.
func (r *Room) RemoveAuthor(author identity.Key) {
	a := r.sums.authors[author]
	if a == nil || author == r.self.Key() {
		return
	}
	for number, b := range a.blocks {
		for _, feed := range b.feeds {
			r.deleteFeed(record.FeedKey{Author: author, Feed: feed})
		}
		r.sums.coldFeeds -= b.coldFeeds
		r.sums.coldRecords -= b.coldRecords
		delete(r.coldForks, BlockKey{author, number})
	}
	a.blocks, a.order = map[Block]*blockSum{}, nil
	r.sums.markStale(a)
	r.hash = ""
}

// HashExcept returns what Hash would if the room had nothing of the authors to leave out.
func (r *Room) HashExcept(leaveOut func(identity.Key) bool) string {
	var out []Holding
	for _, h := range r.Frontier() {
		if !leaveOut(h.Key.Author) {
			out = append(out, h)
		}
	}
	return hashOf(out)
}

// RemoveAuthors forgets what peers claim to hold of some authors, so that it isn't asked for.
func (p *Planner) RemoveAuthors(some func(from, author identity.Key) bool) {
	for from, s := range p.sources {
		kept := s.theirs[:0]
		for _, h := range s.theirs {
			if !some(from, h.Key.Author) {
				kept = append(kept, h)
			}
		}
		s.theirs = kept
	}
}
