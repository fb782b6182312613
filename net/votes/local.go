package votes

import (
	"errors"
	"fmt"
	"slices"
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
	d.Roll = v.cfg.Host.ListVoters()
	p, err := v.records.PrepareProposal(v.cfg.Self.Key(), d, v.records.disputes, time.Now().UnixMilli())
	if err != nil {
		return event.Proposal{}, fmt.Errorf("that can't be proposed: %w", err)
	}
	out := v.draftLocked(&p)
	if d.Slot == vote.SecureOnly && d.Action == vote.On {
		out.Silenced = v.cfg.Host.CountPlainPeers()
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
	v.saveDispute(id, on)
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
	errNoneTwice = errors.New("no one is known to have voted twice on it")
)

// Certificate returns the certificate of a proposal that passed, as a file.
func (v *Votes) Certificate(ref string) (event.Proposal, []byte, error) {
	return v.encode(ref, v.records.EncodeCertificate, errNotPassed)
}

// Evidence returns the proof that someone voted twice on a proposal, as a file: the first if there are several.
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

// ownVote is what the local person votes, not signed yet.
type ownVote struct {
	kind   record.Kind
	draft  vote.Draft  // in a proposal
	about  vote.ID     // the proposal of a ballot or a cancel
	choice vote.Choice // in a ballot
}

// sign signs the records of a local vote. The voters of a proposal are those that Host.ListVoters returns now.
func (v *Votes) sign(own ownVote) ([]*record.Record, error) {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	now := time.Now().UnixMilli()
	switch own.kind {
	case record.KindProposal:
		own.draft.Roll = v.cfg.Host.ListVoters()
		return v.records.SignProposal(own.draft, now)
	case record.KindBallot:
		return v.records.SignBallot(own.about, own.choice, now)
	}
	return v.records.SignCancel(own.about)
}

// Errors of SignBallot and SignCancel.
var (
	ErrDecided = errors.New("it is decided already")
	ErrClosed  = errors.New("it has closed: propose it again")
	ErrNoVote  = errors.New("you are not on its roll")
	ErrCast    = errors.New("you have voted on it: a ballot is final, a changed mind is a new proposal")
	ErrNotOwn  = errors.New("only its author can cancel it")
)

// SignProposal signs a proposal and the local approval of it. They count nowhere until ApplyOwn.
func (rs *Records) SignProposal(w vote.Draft, now int64) ([]*record.Record, error) {
	p, err := rs.PrepareProposal(rs.self.Key(), w, rs.disputes, now)
	if err != nil {
		return nil, err
	}
	data, err := vote.EncodeProposal(&p)
	if err != nil {
		return nil, err
	}
	rec, err := rs.sign(record.KindProposal, now, data)
	if err != nil {
		return nil, fmt.Errorf("a proposal that size can't be signed: %w", err)
	}
	mine, err := rs.ballot(vote.ID(rec.ID()), vote.Approve)
	return []*record.Record{rec, mine}, err
}

// SignBallot signs the local ballot on a proposal. A ballot is final, so the caller lets the user undo the choice
// before, and saves the ballot before it is sent (package vote, rule 3). It counts nowhere until ApplyOwn.
func (rs *Records) SignBallot(id vote.ID, c vote.Choice, now int64) ([]*record.Record, error) {
	v, ok := rs.Ledger.View(id)
	switch {
	case !ok:
		return nil, vote.ErrNoProposal
	case !v.Proposal.OnRoll(rs.self.Key()):
		return nil, ErrNoVote
	case rs.Choice(id, rs.self.Key()) != vote.None:
		return nil, ErrCast
	case v.Tally.State != vote.Open && !rs.lacksApproval(v.Proposal):
		return nil, ErrDecided
	case now >= v.Proposal.Closes:
		return nil, ErrClosed
	}
	rec, err := rs.ballot(id, c)
	return []*record.Record{rec}, err
}

// lacksApproval reports whether p is an OFF that has passed but hasn't ended all ONs that it names. A
// further approval may be the one that an ON's roll still lacks (package vote, rule 5).
func (rs *Records) lacksApproval(p *vote.Proposal) bool {
	return p.IsOff() && rs.State(p.ID) == vote.Passed &&
		slices.ContainsFunc(rs.Endings(p), func(e vote.Ending) bool { return e.Have < e.Need })
}

func (rs *Records) ballot(id vote.ID, c vote.Choice) (*record.Record, error) {
	data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Voter: rs.self.Key(), Choice: c})
	if err != nil {
		return nil, err
	}
	return rs.sign(record.KindBallot, 0, data)
}

// SignCancel signs the cancel of an own proposal. A last approval that was signed before still passes it.
func (rs *Records) SignCancel(id vote.ID) ([]*record.Record, error) {
	v, ok := rs.Ledger.View(id)
	switch {
	case !ok:
		return nil, vote.ErrNoProposal
	case v.Proposal.Author != rs.self.Key():
		return nil, ErrNotOwn
	case v.Tally.State != vote.Open:
		return nil, ErrDecided
	}
	data, err := vote.EncodeCancel(vote.Cancel{Proposal: id, By: rs.self.Key()})
	if err != nil {
		return nil, err
	}
	rec, err := rs.sign(record.KindCancel, 0, data)
	return []*record.Record{rec}, err
}

// ApplyOwn adds local records about one proposal, once they are on disk. The caller sends those in Accepted.
func (rs *Records) ApplyOwn(own []*record.Record) (out Change, err error) {
	defer rs.publish()
	for _, rec := range own {
		r, err := read(rec, rs.room)
		if err == nil {
			err = rs.take(&out, r, nil) // the local user meant to leave out the rest
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}
