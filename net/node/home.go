package node

import (
	"context"
	"io"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// What the screen, line mode and JSON mode ask of the room that they show: the home room.

// Say signs text and sends it to everyone (see replica.Replica.Send). It never blocks.
func (n *Node) Say(text string) error { return n.home.Send(record.KindChat, text) }

// Me sends a message in the third person, as Say does.
func (n *Node) Me(text string) error { return n.home.Send(record.KindMe, text) }

// Typing notifies peers that the local person is typing, or has stopped.
func (n *Node) Typing(on bool) { n.home.SendTyping(on) }

// History returns at most max messages that stand before a place, nearest last. It waits for the disk.
func (n *Node) History(ctx context.Context, before event.Place, max int) ([]event.Line, error) {
	return n.home.History(ctx, before, max)
}

// Search returns at most max messages that contain text and stand before a place, nearest last. It
// waits for the disk.
func (n *Node) Search(ctx context.Context, text string, before event.Place, max int) ([]event.Line, error) {
	return n.home.Search(ctx, text, before, max)
}

// Export writes the room's records and returns their number. It waits for the disk.
func (n *Node) Export(ctx context.Context, w io.Writer, since time.Time, text bool) (int, error) {
	return n.home.Export(ctx, w, since, text)
}

// WhoHas returns which peers have the last message that was sent in this run.
func (n *Node) WhoHas() (event.Reach, bool) { return n.home.WhoHas() }

// WaitDelivered waits until every linked peer has acknowledged all that was sent, and it was sent to
// all plain peers.
func (n *Node) WaitDelivered(ctx context.Context) error {
	if err := n.cleartext.plain.WaitSent(ctx); err != nil {
		return err
	}
	return n.home.WaitDelivered(ctx)
}

// WaitWritable waits until the fastest link has room in its queue; while no peer is here, until one
// is. A plain peer that takes what it is sent is waited for too, since it can't ask again.
func (n *Node) WaitWritable(ctx context.Context) error {
	if err := n.cleartext.plain.WaitSpace(ctx); err != nil {
		return err
	}
	n.cleartext.waitForLinks() // the message may be an /unsigned
	return n.home.WaitWritable(ctx, func() bool { return len(n.cleartext.plain.Peers()) > 0 })
}

// Propose signs a proposal and our own approval of it, saves both and sends them.
func (n *Node) Propose(d vote.Draft) (event.Proposal, error) { return n.home.Votes().Propose(d) }

// Preview returns the proposal that Propose would send.
func (n *Node) Preview(d vote.Draft) (event.Proposal, error) { return n.home.Votes().Preview(d) }

// Vote signs our ballot, saves it and sends it. It is final.
func (n *Node) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return n.home.Votes().Vote(ref, c)
}

// Withdraw cancels a proposal of our own.
func (n *Node) Withdraw(ref string) (event.Proposal, error) { return n.home.Votes().Cancel(ref) }

// Dispute puts a proposal into our dispute set or takes it out.
func (n *Node) Dispute(ref string, on bool) (event.Proposal, error) {
	return n.home.Votes().SetDisputed(ref, on)
}

// Proposals returns all known proposals, by number.
func (n *Node) Proposals() []event.Proposal { return n.home.Votes().Proposals() }

// Policy returns what holds in the room.
func (n *Node) Policy() event.Policy { return n.home.Votes().Policy() }

// Proof returns the certificate of a proposal that passed, as a file.
func (n *Node) Proof(ref string) (event.Proposal, []byte, error) {
	return n.home.Votes().Certificate(ref)
}

// Evidence returns the proof that someone voted twice on a proposal, as a file.
func (n *Node) Evidence(ref string) (event.Proposal, []byte, error) {
	return n.home.Votes().Evidence(ref)
}
