package room

import "chat.lan/p2pchat/crypto/record"

// FeedEnd names the last record of a feed of ours.
type FeedEnd struct {
	Feed record.Feed
	Seq  uint64
	Head record.ID
}

// ContinueFeed makes this run go on with a feed of an earlier one, if that ends here exactly as the caller knows it
// from that run. Call it after Restore. The caller must know that nothing was signed behind end: two records for one
// place prove a fork.
func (r *Room) ContinueFeed(end FeedEnd) bool {
	key := record.FeedKey{Author: r.self.Key(), Feed: end.Feed}
	f := r.feeds[key]
	if f == nil || f.fork != nil || f.next() != end.Seq+1 || f.head != end.Head || !f.knowsHead() {
		return false
	}
	r.ownFeed, r.continued = key, true
	return true
}

// OwnEnd returns the last record of this run's feed; false before the first message.
func (r *Room) OwnEnd() (FeedEnd, bool) {
	key, seq, any := r.OwnFeed()
	if !any {
		return FeedEnd{}, false
	}
	return FeedEnd{Feed: key.Feed, Seq: seq, Head: r.feeds[key].head}, true
}

// IsContinued reports whether this run goes on with an earlier run's feed.
func (r *Room) IsContinued() bool { return r.continued }

// LeaveFeed makes the next message open another feed: the present one may have records that aren't here.
func (r *Room) LeaveFeed() { r.ownFeed.Feed, r.continued = 0, false }

// leaveForked leaves our own feed where it forks: what is signed there is taken by no one.
func (r *Room) leaveForked(key record.FeedKey) {
	if key == r.ownFeed {
		r.LeaveFeed()
	}
}
