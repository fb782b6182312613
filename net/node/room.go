package node

import (
	"context"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/fair"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/net/votes"
)

// Room is what the screen, line mode and JSON mode ask of a room that they show: a replica with its
// votes, and the cleartext that goes with its messages. Its methods may be called from any goroutine.
// Many of them come with the two embedded types and are for the process alone: to rename, call Node.Nick.
type Room struct {
	*replica.Replica
	*votes.Votes
	cleartext *cleartext
}

// Say signs text and sends it to everyone (see replica.Replica.Send). It never blocks.
func (r *Room) Say(text string) error { return r.Send(record.KindChat, text) }

// Me sends a message in the third person, as Say does.
func (r *Room) Me(text string) error { return r.Send(record.KindMe, text) }

// WaitDelivered waits until every linked peer has acknowledged all, and plain peers were sent all.
func (r *Room) WaitDelivered(ctx context.Context) error {
	if err := r.cleartext.plain.WaitSent(ctx); err != nil {
		return err
	}
	return r.Replica.WaitDelivered(ctx)
}

// WaitWritable waits until the fastest link has room in its queue; while no peer is here, until one
// is. A plain peer that takes what it is sent is waited for too, since it can't ask again, and so are all links just
// after the person sent something unsigned. With a ctx that has ended it waits for those links only, and returns nil if there is room
// already.
func (r *Room) WaitWritable(ctx context.Context) error {
	if err := r.cleartext.plain.WaitSpace(ctx); err != nil {
		return err
	}
	if r.cleartext.saysUnsigned() { // the next message may be unsigned, too
		r.cleartext.waitForLinks()
	}
	return r.Replica.WaitWritable(ctx, func() bool { return r.cleartext.CountPlainPeers() > 0 })
}

// roomHost is the process as its home room sees it. It implements replica.Host, with the methods of
// cleartext: that belongs to the home room, since a Chat frame names no room and plain peers know none.
type roomHost struct {
	*cleartext
	room event.Scope
}

func (h roomHost) Peer(key identity.Key) (event.Peer, bool) {
	h.n.mu.Lock()
	defer h.n.mu.Unlock()
	p := h.n.mu.peers[key]
	if p == nil {
		return event.Peer{}, false
	}
	return h.n.nowLocked(p), true
}

func (h roomHost) Refuse(from identity.Key, reason string) { h.n.refuse(h.room, from, reason) }

func (h roomHost) FlowOf(author, via identity.Key) (of fair.Flow, rank int) {
	return h.n.standings.flowOf(author, via)
}

func (h roomHost) ScheduleFlush() { h.n.scheduleFlush() }
