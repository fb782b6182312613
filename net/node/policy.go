package node

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// gateFor is how long a joiner waits to learn the policy before it may speak in clear (VOTING.md
// rule 9).
const gateFor = 3 * time.Second

// Errors of Unsigned.
var (
	errSecureOnly = errors.New("unsigned messages are refused here")
	errGate       = errors.New("the room's policy is not yet known: try again in a moment")
)

// voter is a key as a voter. Called with mu held.
func (n *Node) voter(key identity.Key, choice vote.Choice) event.Voter {
	v := event.Voter{Key: key, ID: key.ID().String(), Name: n.called(key), Choice: choice}
	if key == n.cfg.Identity.Key() {
		v.Name, v.Here = n.name, true
	} else if p := n.peers[key]; p != nil {
		v.Here = p.link != nil
	}
	return v
}

func (n *Node) voters(keys []identity.Key) []event.Voter {
	out := make([]event.Voter, len(keys))
	for i, k := range keys {
		out[i] = n.voter(k, vote.None)
	}
	return out
}

// draftOf is a proposal without ballots. Called with mu held.
func (n *Node) draftOf(p *vote.Proposal) event.Proposal {
	out := event.Proposal{
		Number: int(p.Number), Label: fmt.Sprintf("#%d", p.Number), Slot: p.Slot, Action: p.Action, Note: p.Note,
		By: n.voter(p.Author, vote.None), State: vote.StatusOpen, Need: p.Need,
		Time: time.UnixMilli(p.Time), Closes: time.UnixMilli(p.Closes), Roll: n.voters(p.Roll),
	}
	for _, e := range n.box.Endings(p) {
		out.Ends = append(out.Ends, event.Ending{Label: n.box.Label(e.On), Need: e.Need, Have: e.Have, Whose: n.voters(e.Whose)})
	}
	return out
}

// proposalOf is a proposal as it stands. Called with mu held.
func (n *Node) proposalOf(id vote.ID) event.Proposal {
	now := time.Now().UnixMilli()
	v, status, ok := n.box.View(id, now)
	if !ok {
		return event.Proposal{ID: id.String()}
	}
	out := n.draftOf(v.Proposal)
	out.ID, out.Label, out.State = id.String(), v.Label, status
	out.Yes, out.No = v.Tally.Yes, v.Tally.No
	self := n.cfg.Identity.Key()
	for i, c := range v.Choices {
		out.Roll[i].Choice = c
		if out.Roll[i].Key == self {
			out.Mine = out.Roll[i].Choice
			out.CanVote = c == vote.None && now < v.Proposal.Closes && (v.Tally.State == vote.Open || wanted(out, self))
		}
	}
	out.LeftOut = n.voters(n.leftOut[id])
	if status == vote.StatusPassed {
		p := n.box.Policy()
		out.Idle = v.Proposal.Slot == vote.Topic && p.TopicBy != id || v.Proposal.IsOff() && p.SecureOnly
	}
	return out
}

// wanted reports whether a vote that switches secure-only off has passed and can still end one that
// it names if a key, which has not voted, approves it too: that one is asked on (VOTING.md rule 5).
func wanted(p event.Proposal, key identity.Key) bool {
	return p.State == vote.StatusPassed && slices.ContainsFunc(p.Ends, func(e event.Ending) bool {
		return e.Have < e.Need && e.Need <= len(e.Whose) &&
			slices.ContainsFunc(e.Whose, func(v event.Voter) bool { return v.Key == key })
	})
}

// state posts a proposal as it stands, if it is new or stands otherwise, and the others that share its
// number, since their labels may have changed. Called with mu held.
func (n *Node) state(id vote.ID, history bool) {
	p := n.proposalOf(id)
	was, known := n.shown[id]
	n.shown[id] = p.State
	n.events.Post(event.ProposalChanged{Proposal: p, Was: was, History: history})
	if known {
		return
	}
	for other, state := range n.shown {
		if other == id {
			continue
		}
		if v, _, ok := n.box.View(other, 0); ok && int(v.Proposal.Number) == p.Number {
			n.events.Post(event.ProposalChanged{Proposal: n.proposalOf(other), Was: state, History: true})
		}
	}
}

// restate posts the proposals whose word has changed without a record of theirs: a clock, a dispute or
// another proposal did it. Called with mu held.
func (n *Node) restate(history bool) {
	now := time.Now().UnixMilli()
	for id, was := range n.shown {
		_, status, ok := n.box.View(id, now)
		switch {
		case !ok:
			delete(n.shown, id)
			delete(n.leftOut, id)
		case status != was:
			n.state(id, history)
		}
	}
}

// policy is what holds here. Called with mu held.
func (n *Node) policy() event.Policy {
	p := n.box.Policy()
	out := event.Policy{SecureOnly: p.SecureOnly, Topic: p.Topic}
	if v, _, ok := n.box.View(p.By, 0); ok {
		out.Number, out.Label = int(v.Proposal.Number), v.Label
		for i, c := range v.Choices {
			if c&vote.Approve != 0 {
				out.Signed = append(out.Signed, n.voter(v.Proposal.Roll[i], c))
			}
		}
	}
	if !p.TopicBy.IsZero() {
		out.TopicLabel = n.box.Label(p.TopicBy)
	}
	return out
}

// decided tells that the policy is another. Called with mu held.
func (n *Node) decided(history bool) {
	n.remute()
	n.restate(history)
	n.events.Post(event.PolicyChanged{Policy: n.policy(), History: history})
	clear(n.clearCounts) // what was dropped under another policy is counted anew
}

// policyOnWire is what a Hello says.
func (n *Node) policyOnWire() *wire.Policy {
	p := n.box.Policy()
	out := &wire.Policy{SecureOnly: p.SecureOnly, Votes: n.box.Hash()}
	if !p.By.IsZero() {
		out.By = p.By.String()
	}
	return out
}

// policyIn is what a Hello says of one room, or nil.
func policyIn(h wire.Hello, room string) *wire.Policy {
	for _, r := range h.Rooms {
		if r.Room == room {
			return r.Policy
		}
	}
	return nil
}

// learn begins to wait for the policy with the first link. Called with mu held.
func (n *Node) learn(p *peer) {
	theirs := policyIn(p.hello, n.room.ID().String())
	if n.learning.IsZero() {
		n.learning = time.Now()
	}
	if theirs == nil || theirs.Votes == n.box.Hash() {
		n.level(p)
	}
}

// level notes that our votes are level with a peer's: the policy is known. Called with mu held.
func (n *Node) level(p *peer) {
	n.openGate()
	theirs := policyIn(p.hello, n.room.ID().String())
	ours := n.policyOnWire()
	if theirs == nil || theirs.Votes != ours.Votes || theirs.SecureOnly == ours.SecureOnly {
		return
	}
	// The same records and another policy: the dispute sets differ (VOTING.md rule 6).
	both := [2]wire.Policy{*theirs, *ours}
	if p.differs == both {
		return // it was said already: each answer that brings us level comes here
	}
	p.differs = both
	d := event.Differs{Peer: p.now(), SecureOnly: theirs.SecureOnly}
	by := theirs.By
	if !theirs.SecureOnly { // then it is ours that they don't follow
		by = ours.By
	}
	if id, err := vote.ParseID(by); err == nil {
		d.Label = n.box.Label(id)
	}
	n.events.Post(d)
}

// mayClear reports why nothing may go out in clear now, or nil. Called with mu held.
func (n *Node) mayClear() error {
	if n.box.Policy().SecureOnly {
		return fmt.Errorf("%w: policy %s", errSecureOnly, n.policy().Label)
	}
	if !n.gate && !n.learning.IsZero() {
		return errGate
	}
	return nil
}

// watchVotes is the votes' part of the clock: what has expired, and the end of a joiner's waiting.
// Called with mu held.
func (n *Node) watchVotes() {
	n.restate(false)
	if !n.gate && !n.learning.IsZero() && time.Since(n.learning) >= gateFor {
		n.openGate()
		n.events.Post(event.Gate{Open: true, Reason: "policy not yet known"})
	}
}
