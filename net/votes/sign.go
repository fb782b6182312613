package votes

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// ownVote is what the local person votes, not signed yet.
type ownVote struct {
	kind   record.Kind
	draft  vote.Draft  // of a proposal
	about  vote.ID     // the proposal of a ballot or a cancel
	choice vote.Choice // of a ballot
}

// sign signs the records of a local vote. The voters of a proposal are those that Room.ListVoters
// returns now.
func (v *Votes) sign(own ownVote) ([]*record.Record, error) {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	now := time.Now().UnixMilli()
	switch own.kind {
	case record.KindProposal:
		own.draft.Roll = v.cfg.Around.ListVoters()
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

// SignBallot signs the local ballot on a proposal. A ballot is final, so the caller lets the user
// undo the choice before, and saves the ballot before it is sent (package vote, rule 3). It counts
// nowhere until ApplyOwn.
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

// SignCancel signs the cancel of an own proposal. A last approval that was signed before still
// passes the proposal. The cancel counts nowhere until ApplyOwn.
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

// ApplyOwn adds local records about one proposal, once they are on disk. The caller sends those in
// Accepted.
func (rs *Records) ApplyOwn(own []*record.Record) (out Change, err error) {
	for _, rec := range own {
		c, err := read(rec, rs.room)
		if err == nil {
			err = rs.take(&out, rec, c, nil) // the local user meant to leave out the rest
		}
		if err != nil {
			return out, err
		}
	}
	rs.publish()
	return out, nil
}
