package replica

import (
	"context"
	"slices"

	"chat.lan/p2pchat/net/room"
)

// A run may go on with the feed of the one before (Config.Continue). The caller knows that no other run signed behind
// its end, but for one case: a virtual machine that was set back, of which it sees nothing. Peers may have seen what
// was signed since. So the first message waits until they have been compared, and a feed of which a peer claims
// another end is left.

// ownFeed is the feed that this run writes. Its methods need the replica's lock.
type ownFeed struct{ *Replica }

// OwnEnd returns the last record of our feed; false if nothing was sent.
func (r *Replica) OwnEnd() (room.FeedEnd, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.room.OwnEnd()
}

// ConfirmFeed waits until every linked peer has been compared, if this run goes on with an earlier run's feed. When ctx
// ends before that, the feed is left. Call it before the first message.
func (r *Replica) ConfirmFeed(ctx context.Context) {
	for {
		r.mu.Lock()
		waiting := r.room.IsContinued() && slices.ContainsFunc(r.mu.linked, func(p *peer) bool { return !p.compared })
		if waiting && ctx.Err() != nil {
			r.own.leaveLocked()
			waiting = false
		}
		changed := r.mu.changed
		r.mu.Unlock()
		if !waiting {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// onComparedLocked notes that a peer's holdings were compared with ours. theirs is nil when they are equal.
func (r ownFeed) onComparedLocked(p *peer, theirs []room.Holding) {
	r.own.leaveIfContinuedLocked(theirs)
	if !p.compared {
		p.compared = true
		r.notifyLocked()
	}
}

// leaveIfContinuedLocked leaves our feed if it is an earlier run's, and a peer claims another end of it.
func (r ownFeed) leaveIfContinuedLocked(theirs []room.Holding) {
	own, any := r.room.OwnEnd()
	if any && r.room.IsContinued() && slices.ContainsFunc(theirs, func(h room.Holding) bool {
		return h.Key.Author == r.cfg.Identity.Key() && h.Key.Feed == own.Feed &&
			(h.Seq > own.Seq || h.Seq == own.Seq && h.Head != own.Head.Head())
	}) {
		r.own.leaveLocked()
	}
}

// leaveLocked makes the next message open another feed.
func (r ownFeed) leaveLocked() {
	r.room.LeaveFeed()
	r.own.forgetAcksLocked()
}

// forgetAcksLocked drops the acknowledgements, which count places of a feed that is left.
func (r ownFeed) forgetAcksLocked() {
	for _, p := range r.mu.peers {
		p.acked, p.due = 0, 0
	}
}
