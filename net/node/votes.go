package node

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// What one does oneself about votes. A ref is what a person types: "#4", "#4·7f", or an id.

// Propose signs a proposal and one's own approval of it, keeps them and sends both. Its roll is whoever
// is linked now, directly or to a neighbour (VOTING.md rule 8).
func (n *Node) Propose(w vote.Draft) (event.Proposal, error) {
	id, err := n.sign(func() ([]*record.Record, error) {
		n.mu.Lock()
		w.Roll = n.roll()
		n.mu.Unlock()
		return n.box.SignProposal(w, time.Now().UnixMilli())
	})
	if err != nil {
		return event.Proposal{}, fmt.Errorf("nothing was proposed: %w", err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proposalOf(id), nil
}

// Preview is the proposal that Propose would send.
func (n *Node) Preview(w vote.Draft) (event.Proposal, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w.Roll = n.roll()
	p, err := n.box.PrepareProposal(w, time.Now().UnixMilli())
	if err != nil {
		return event.Proposal{}, fmt.Errorf("that can't be proposed: %w", err)
	}
	out := n.draftOf(&p)
	out.Silenced = n.silenced(w)
	return out, nil
}

// Vote signs one's ballot, keeps it and sends it. It is final.
func (n *Node) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return n.answerTo(ref, func(id vote.ID) ([]*record.Record, error) { return n.box.SignBallot(id, c, time.Now().UnixMilli()) })
}

// Withdraw cancels a proposal of one's own.
func (n *Node) Withdraw(ref string) (event.Proposal, error) { return n.answerTo(ref, n.box.SignCancel) }

func (n *Node) answerTo(ref string, do func(vote.ID) ([]*record.Record, error)) (event.Proposal, error) {
	id, err := n.proposal(ref)
	if err != nil {
		return event.Proposal{}, err
	}
	_, err = n.sign(func() ([]*record.Record, error) { return do(id) })
	if err != nil {
		return event.Proposal{}, fmt.Errorf("%s: %w", n.box.Label(id), err)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proposalOf(id), nil
}

func (n *Node) proposal(ref string) (vote.ID, error) {
	id, err := n.box.Find(ref)
	if err != nil {
		return id, fmt.Errorf("%.40s: %w; /proposals lists them", ref, err)
	}
	return id, nil
}

// Dispute puts a proposal into one's dispute set or takes it out (VOTING.md rule 6).
func (n *Node) Dispute(ref string, on bool) (event.Proposal, error) {
	id, err := n.proposal(ref)
	if err != nil {
		return event.Proposal{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	changed, err := n.box.SetDisputed(id, on)
	if err != nil {
		return event.Proposal{}, err
	}
	n.keepDispute(id, on)
	if !on {
		delete(n.leftOut, id)
	}
	n.restate(false)
	if changed {
		n.decided(false)
	}
	return n.proposalOf(id), nil
}

// Proposals is all that are known, by number.
func (n *Node) Proposals() []event.Proposal {
	n.mu.Lock()
	defer n.mu.Unlock()
	ids := n.box.Proposals()
	out := make([]event.Proposal, len(ids))
	for i, id := range ids {
		out[i] = n.proposalOf(id)
	}
	return out
}

// Policy is what holds here.
func (n *Node) Policy() event.Policy {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.policy()
}

// errNotPassed says why there is no certificate.
var errNotPassed = errors.New("it has not passed: there is nothing to prove")

// Proof is the certificate of a passed proposal, as package votes writes it.
func (n *Node) Proof(ref string) (event.Proposal, []byte, error) {
	id, err := n.proposal(ref)
	if err != nil {
		return event.Proposal{}, nil, err
	}
	data, ok := n.box.EncodeCertificate(id)
	if !ok {
		return event.Proposal{}, nil, fmt.Errorf("%s: %w", n.box.Label(id), errNotPassed)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.proposalOf(id), data, nil
}

// errOnce says why there is no evidence.
var errOnce = errors.New("nobody is known to have voted twice on it")

// Evidence is the proof that somebody voted twice on a proposal, as package votes writes it; the
// first of them if there are several.
func (n *Node) Evidence(ref string) (event.Proposal, []byte, error) {
	id, err := n.proposal(ref)
	if err != nil {
		return event.Proposal{}, nil, err
	}
	for _, e := range n.box.Evidence() {
		if e.Proposal != id {
			continue
		}
		if data, ok := n.box.EncodeEvidence(e); ok {
			n.mu.Lock()
			defer n.mu.Unlock()
			return n.proposalOf(id), data, nil
		}
	}
	return event.Proposal{}, nil, fmt.Errorf("%s: %w", n.box.Label(id), errOnce)
}

// roll is who may vote on what is proposed now: the native peers that are linked, and those whom they
// say they are linked to. If these are too many for one roll, those go first whom more peers name, so
// that nobody can keep a room from voting by naming a crowd. Called with mu held.
func (n *Node) roll() []identity.Key {
	self := n.cfg.Identity.Key()
	out := []identity.Key{self}
	named := map[identity.Key]int{}
	for _, p := range n.here {
		out = append(out, p.Key)
		for k := range p.links {
			if q := n.peers[k]; k != self && (q == nil || q.link == nil) {
				named[k]++
			}
		}
	}
	more := slices.SortedFunc(maps.Keys(named), func(a, b identity.Key) int {
		return cmp.Or(cmp.Compare(named[b], named[a]), a.Compare(b))
	})
	return append(out, more[:min(len(more), vote.MaxRoll-len(out))]...)
}

// longLinked are the peers that have been linked for so long that leaving them out of a roll is a
// dispute (VOTING.md rule 6). Called with mu held.
func (n *Node) longLinked() []identity.Key {
	var out []identity.Key
	for key, p := range n.peers {
		if p.link != nil && time.Since(p.Since) >= vote.DisputeAfter {
			out = append(out, key)
		}
	}
	return out
}
