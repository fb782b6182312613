package tui

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// The votes of fakeNode are what a test puts there.

func (n *fakeNode) Proposals() []event.Proposal { return n.proposals }
func (n *fakeNode) Policy() event.Policy        { return n.policy }

func (n *fakeNode) Preview(w vote.Wish) (event.Proposal, error) {
	return n.draft, n.note("preview %s %s", w.Slot, w.Action)
}

func (n *fakeNode) Propose(w vote.Wish) (event.Proposal, error) {
	return n.draft, n.note("propose %s %s", w.Slot, w.Action)
}

func (n *fakeNode) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return event.Proposal{}, n.note("vote %s %s", ref, c)
}

func (n *fakeNode) Withdraw(ref string) (event.Proposal, error) {
	return event.Proposal{}, n.note("withdraw %s", ref)
}

func (n *fakeNode) Dispute(ref string, on bool) (event.Proposal, error) {
	return event.Proposal{}, n.note("dispute %s %v", ref, on)
}

func (n *fakeNode) Proof(ref string) (event.Proposal, []byte, error) {
	return event.Proposal{}, []byte("proof"), n.note("proof %s", ref)
}

func (n *fakeNode) Unsigned(text string) error { return n.note("unsigned %s", text) }
