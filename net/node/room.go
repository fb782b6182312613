package node

import (
	"context"
	"io"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/replica"
	"chat.lan/p2pchat/vote"
)

// Room is what the screen, line mode and JSON mode ask of a room that they show: a replica, and the
// cleartext that goes with its messages. Its methods may be called from any goroutine.
type Room struct {
	replica   *replica.Replica
	cleartext *cleartext
}

// Say signs text and sends it to everyone (see replica.Replica.Send). It never blocks.
func (r *Room) Say(text string) error { return r.replica.Send(record.KindChat, text) }

// Me sends a message in the third person, as Say does.
func (r *Room) Me(text string) error { return r.replica.Send(record.KindMe, text) }

// Typing notifies peers that the local person is typing, or has stopped.
func (r *Room) Typing(on bool) { r.replica.SendTyping(on) }

// History returns at most max messages that stand before a place, nearest last. It waits for the disk.
func (r *Room) History(ctx context.Context, before event.Place, max int) ([]event.Line, error) {
	return r.replica.History(ctx, before, max)
}

// Search returns at most max messages that contain text and stand before a place, nearest last. It
// waits for the disk.
func (r *Room) Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error) {
	return r.replica.Search(ctx, text, before, max)
}

// Export writes the room's records and returns their number. It waits for the disk.
func (r *Room) Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error) {
	return r.replica.Export(ctx, w, since, text)
}

// WhoHas returns which peers have the last message that was sent in this run.
func (r *Room) WhoHas() (event.Reach, bool) { return r.replica.WhoHas() }

// WaitDelivered waits until every linked peer has acknowledged all that was sent, and it was sent to
// all plain peers.
func (r *Room) WaitDelivered(ctx context.Context) error {
	if err := r.cleartext.plain.WaitSent(ctx); err != nil {
		return err
	}
	return r.replica.WaitDelivered(ctx)
}

// WaitWritable waits until the fastest link has room in its queue; while no peer is here, until one
// is. A plain peer that takes what it is sent is waited for too, since it can't ask again.
func (r *Room) WaitWritable(ctx context.Context) error {
	if err := r.cleartext.plain.WaitSpace(ctx); err != nil {
		return err
	}
	r.cleartext.waitForLinks() // the message may be an /unsigned
	return r.replica.WaitWritable(ctx, func() bool { return len(r.cleartext.plain.Peers()) > 0 })
}

// Propose signs a proposal and our own approval of it, saves both and sends them.
func (r *Room) Propose(d vote.Draft) (event.Proposal, error) { return r.replica.Votes().Propose(d) }

// Preview returns the proposal that Propose would send.
func (r *Room) Preview(d vote.Draft) (event.Proposal, error) { return r.replica.Votes().Preview(d) }

// Vote signs our ballot, saves it and sends it. It is final.
func (r *Room) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return r.replica.Votes().Vote(ref, c)
}

// Withdraw cancels a proposal of our own.
func (r *Room) Withdraw(ref string) (event.Proposal, error) { return r.replica.Votes().Cancel(ref) }

// Dispute puts a proposal into our dispute set or takes it out.
func (r *Room) Dispute(ref string, on bool) (event.Proposal, error) {
	return r.replica.Votes().SetDisputed(ref, on)
}

// Proposals returns all known proposals, by number.
func (r *Room) Proposals() []event.Proposal { return r.replica.Votes().Proposals() }

// Policy returns what holds in the room.
func (r *Room) Policy() event.Policy { return r.replica.Votes().Policy() }

// Proof returns the certificate of a proposal that passed, as a file.
func (r *Room) Proof(ref string) (event.Proposal, []byte, error) {
	return r.replica.Votes().Certificate(ref)
}

// Evidence returns the proof that someone voted twice on a proposal, as a file.
func (r *Room) Evidence(ref string) (event.Proposal, []byte, error) {
	return r.replica.Votes().Evidence(ref)
}
