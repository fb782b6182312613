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

// Propose signs a proposal and our own approval of it, saves both and sends them. Its voters are those
// that Room.ListVoters returns now.
func (v *Votes) Propose(d vote.Draft) (event.Proposal, error) {
	id, err := v.signSaveSend(func() ([]*record.Record, error) {
		d.Roll = v.cfg.Around.ListVoters()
		return v.records.SignProposal(d, time.Now().UnixMilli())
	})
	if err != nil {
		return event.Proposal{}, fmt.Errorf("nothing was proposed: %w", err)
	}
	return v.proposal(id), nil
}

// Preview returns the proposal that Propose would send.
func (v *Votes) Preview(d vote.Draft) (event.Proposal, error) {
	d.Roll = v.cfg.Around.ListVoters()
	p, err := v.records.PrepareProposal(d, time.Now().UnixMilli())
	if err != nil {
		return event.Proposal{}, fmt.Errorf("that can't be proposed: %w", err)
	}
	out := v.draft(&p)
	if d.Slot == vote.SecureOnly && d.Action == vote.On {
		out.Silenced = v.cfg.Around.CountPlainPeers()
	}
	return out, nil
}

// Vote signs our ballot, saves it and sends it. It is final.
func (v *Votes) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return v.answer(ref, func(id vote.ID) ([]*record.Record, error) {
		return v.records.SignBallot(id, c, time.Now().UnixMilli())
	})
}

// Cancel cancels a proposal of our own.
func (v *Votes) Cancel(ref string) (event.Proposal, error) {
	return v.answer(ref, v.records.SignCancel)
}

// answer signs and sends what sign makes for the proposal that ref names.
func (v *Votes) answer(ref string, sign func(vote.ID) ([]*record.Record, error)) (event.Proposal, error) {
	id, err := v.find(ref)
	if err != nil {
		return event.Proposal{}, err
	}
	if _, err = v.signSaveSend(func() ([]*record.Record, error) { return sign(id) }); err != nil {
		return event.Proposal{}, fmt.Errorf("%s: %w", v.records.Label(id), err)
	}
	return v.proposal(id), nil
}

func (v *Votes) find(ref string) (vote.ID, error) {
	id, err := v.records.Find(ref)
	if err != nil {
		return id, fmt.Errorf("%.40s: %w; /proposals lists them", ref, err)
	}
	return id, nil
}

// SetDisputed puts a proposal into our dispute set or takes it out (see package vote).
func (v *Votes) SetDisputed(ref string, on bool) (event.Proposal, error) {
	id, err := v.find(ref)
	if err != nil {
		return event.Proposal{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	changed, err := v.records.SetDisputed(id, on)
	if err != nil {
		return event.Proposal{}, err
	}
	v.persistDispute(id, on)
	if !on {
		delete(v.mu.leftOut, id)
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
	id, err := v.find(ref)
	if err != nil {
		return event.Proposal{}, nil, err
	}
	data, ok := v.records.EncodeCertificate(id)
	if !ok {
		return event.Proposal{}, nil, fmt.Errorf("%s: %w", v.records.Label(id), errNotPassed)
	}
	return v.proposal(id), data, nil
}

// Evidence returns the proof that someone voted twice on a proposal, as a file: the first if there are
// several.
func (v *Votes) Evidence(ref string) (event.Proposal, []byte, error) {
	id, err := v.find(ref)
	if err != nil {
		return event.Proposal{}, nil, err
	}
	for _, e := range v.records.Evidence() {
		if e.Proposal != id {
			continue
		}
		if data, ok := v.records.EncodeEvidence(e); ok {
			return v.proposal(id), data, nil
		}
	}
	return event.Proposal{}, nil, fmt.Errorf("%s: %w", v.records.Label(id), errNoneTwice)
}
