package votes

import (
	"errors"
	"fmt"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// What the local person does about votes. A ref is what a person types: "#4", "#4·7f", or an id.

// Propose signs a proposal and our own approval of it, saves both and sends them.
func (v *Votes) Propose(d vote.Draft) (event.Proposal, error) {
	id, err := v.signSaveSend(ownVote{kind: record.KindProposal, draft: d})
	if err != nil {
		return event.Proposal{}, fmt.Errorf("nothing was proposed: %w", err)
	}
	return v.proposal(id), nil
}

// Preview returns the proposal that Propose would send.
func (v *Votes) Preview(d vote.Draft) (event.Proposal, error) {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	d.Roll = v.cfg.Around.ListVoters()
	p, err := v.records.PrepareProposal(v.cfg.Self.Key(), d, v.records.disputes, time.Now().UnixMilli())
	if err != nil {
		return event.Proposal{}, fmt.Errorf("that can't be proposed: %w", err)
	}
	out := v.draftLocked(&p)
	if d.Slot == vote.SecureOnly && d.Action == vote.On {
		out.Silenced = v.cfg.Around.CountPlainPeers()
	}
	return out, nil
}

// Vote signs our ballot, saves it and sends it. It is final.
func (v *Votes) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return v.answer(ref, ownVote{kind: record.KindBallot, choice: c})
}

// Cancel cancels a proposal of our own.
func (v *Votes) Cancel(ref string) (event.Proposal, error) {
	return v.answer(ref, ownVote{kind: record.KindCancel})
}

// answer signs, saves and sends a vote about the proposal that ref names.
func (v *Votes) answer(ref string, own ownVote) (event.Proposal, error) {
	v.cfg.Lock.Lock()
	id, label, err := v.findLocked(ref)
	v.cfg.Lock.Unlock()
	if err != nil {
		return event.Proposal{}, err
	}
	own.about = id
	if _, err = v.signSaveSend(own); err != nil {
		return event.Proposal{}, fmt.Errorf("%s: %w", label, err)
	}
	return v.proposal(id), nil
}

// findLocked returns the proposal that ref names, and its label.
func (v *Votes) findLocked(ref string) (id vote.ID, label string, err error) {
	if id, err = v.records.Find(ref); err != nil {
		return id, "", fmt.Errorf("%.40s: %w; /proposals lists them", ref, err)
	}
	return id, v.records.Label(id), nil
}

// SetDisputed puts a proposal into our dispute set or takes it out (see package vote).
func (v *Votes) SetDisputed(ref string, on bool) (event.Proposal, error) {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	id, _, err := v.findLocked(ref)
	if err != nil {
		return event.Proposal{}, err
	}
	changed, err := v.records.SetDisputed(id, on)
	if err != nil {
		return event.Proposal{}, err
	}
	v.persistDispute(id, on)
	if !on {
		delete(v.leftOut, id)
	}
	v.postChangedLocked(false)
	if changed {
		v.postPolicyLocked(false)
	}
	return v.proposalLocked(id), nil
}

// Reasons why there is no file.
var (
	errNotPassed = errors.New("it has not passed: there is nothing to prove")
	errNoneTwice = errors.New("nobody is known to have voted twice on it")
)

// Certificate returns the certificate of a proposal that passed, as a file.
func (v *Votes) Certificate(ref string) (event.Proposal, []byte, error) {
	return v.encode(ref, v.records.EncodeCertificate, errNotPassed)
}

// Evidence returns the proof that someone voted twice on a proposal, as a file: the first if there are
// several.
func (v *Votes) Evidence(ref string) (event.Proposal, []byte, error) {
	return v.encode(ref, v.records.EncodeEvidence, errNoneTwice)
}

// encode returns a file about the proposal that ref names, or the error none when there is none.
func (v *Votes) encode(ref string, file func(vote.ID) ([]byte, bool), none error) (event.Proposal, []byte, error) {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	id, label, err := v.findLocked(ref)
	if err != nil {
		return event.Proposal{}, nil, err
	}
	data, ok := file(id)
	if !ok {
		return event.Proposal{}, nil, fmt.Errorf("%s: %w", label, none)
	}
	return v.proposalLocked(id), data, nil
}
