package room

import (
	"math"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// Limits of the records that wait for their predecessors, of all feeds. Peers send dropped ones again.
const (
	maxWaitingBytes = 8 << 20
	minWaitingCost  = 2 << 10 // so that there are at most 4096
)

// Rank returns what decides who gives way where authors share a limit.
type Rank func(author identity.Key) (standing.Level, standing.Source)

// SetRank sets the rank of authors. Without one all are equal.
func (r *Room) SetRank(rank Rank) { r.rank = rank }

// waiting shares the memory of records that wait between their authors.
type waiting struct {
	budget *standing.Budget[identity.Key]
	feeds  map[identity.Key]map[record.Feed]bool // those with records that wait
}

func newWaiting() waiting {
	return waiting{
		budget: standing.NewBudget[identity.Key](maxWaitingBytes, maxWaitingBytes),
		feeds:  map[identity.Key]map[record.Feed]bool{},
	}
}

func waitingCost(rec *record.Record) int { return max(len(rec.Signed()), minWaitingCost) }

// addWaiting has a record wait in its feed. If too many wait then, some are dropped: of the author that gives way the
// ones furthest from their feed's end. It may be this one.
func (r *Room) addWaiting(f *feed, rec *record.Record) {
	if len(f.waiting) == 0 {
		f.waitingSince = r.clock.now()
	}
	author, w := rec.Author(), &r.waiting
	f.waiting[rec.Seq()] = rec
	if w.feeds[author] == nil {
		w.feeds[author] = map[record.Feed]bool{}
	}
	w.feeds[author][rec.Feed()] = true
	level, source := r.rank(author)
	w.budget.Add(author, level, source, waitingCost(rec))
	for {
		victim, over := w.budget.Victim(author)
		if !over || !r.dropLastWaiting(victim) {
			return
		}
	}
}

// dropLastWaiting drops the record of an author that waits furthest from the end of a feed. It reports false if nothing
// was dropped.
func (r *Room) dropLastWaiting(author identity.Key) bool {
	for n := range r.waiting.feeds[author] {
		key := record.FeedKey{Author: author, Feed: n}
		f := r.feeds[key]
		if f == nil || len(f.waiting) == 0 {
			continue
		}
		last := uint64(0)
		for seq := range f.waiting {
			last = max(last, seq)
		}
		r.takeWaiting(f, last)
		r.dropEmptyFeed(key, f)
		return true
	}
	return false
}

// dropEmptyFeed forgets a feed of which no record was ever here.
func (r *Room) dropEmptyFeed(key record.FeedKey, f *feed) {
	if f.next() == 0 && !f.knowsHead() && len(f.waiting) == 0 && f.fork == nil && key != r.ownFeed {
		r.deleteFeed(key)
		r.sums.noteFeed(key, false)
	}
}

// takeWaiting removes and returns the record that waits at seq, or nil.
func (r *Room) takeWaiting(f *feed, seq uint64) *record.Record {
	rec := f.waiting[seq]
	if rec == nil {
		return nil
	}
	delete(f.waiting, seq)
	author := rec.Author()
	r.waiting.budget.Take(author, waitingCost(rec))
	if len(f.waiting) == 0 {
		delete(r.waiting.feeds[author], rec.Feed())
		if len(r.waiting.feeds[author]) == 0 {
			delete(r.waiting.feeds, author)
		}
	}
	return rec
}

// dropAllWaiting drops all records that wait in a feed.
func (r *Room) dropAllWaiting(f *feed) { r.dropWaiting(f, 0, math.MaxUint64) }
