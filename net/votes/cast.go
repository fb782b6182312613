package votes

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Errors of Cast and Cancel.
var (
	ErrDecided = errors.New("it is decided already")
	ErrClosed  = errors.New("it has closed: propose it again")
	ErrNoVote  = errors.New("you are not on its roll")
	ErrCast    = errors.New("you have voted on it: a ballot is final, a changed mind is a new proposal")
	ErrNotOwn  = errors.New("only its author can cancel it")
)

// Draft is what Propose would make of a wish at now (ms since 1970): for the preview.
func (b *Box) Draft(w vote.Wish, now int64) (vote.Proposal, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Draft(b.self.Key(), w, b.disputes, now)
}

// SignProposal signs a proposal and one's own approval of it. They count nowhere until Take.
func (b *Box) SignProposal(w vote.Wish, now int64) ([]*record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.book.Draft(b.self.Key(), w, b.disputes, now)
	if err != nil {
		return nil, err
	}
	data, err := vote.EncodeProposal(&p)
	if err != nil {
		return nil, err
	}
	rec, err := b.sign(KindProposal, now, data)
	if err != nil {
		return nil, fmt.Errorf("a proposal that size can't be signed: %w", err)
	}
	mine, err := b.ballot(vote.ID(rec.ID()), vote.Approve)
	return []*record.Record{rec, mine}, err
}

// SignBallot signs one's ballot on a proposal. It is final: the caller has held it for as long as it can
// be undone. It must be on disk before it is sent (rule 3), and counts nowhere until Take.
func (b *Box) SignBallot(id vote.ID, c vote.Choice, now int64) ([]*record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	switch {
	case !ok:
		return nil, vote.ErrNoProposal
	case !v.Proposal.OnRoll(b.self.Key()):
		return nil, ErrNoVote
	case b.book.Choice(id, b.self.Key()) != vote.None:
		return nil, ErrCast
	case v.Tally.State != vote.Open && !b.lacks(v.Proposal):
		return nil, ErrDecided
	case now >= v.Proposal.Closes:
		return nil, ErrClosed
	}
	rec, err := b.ballot(id, c)
	return []*record.Record{rec}, err
}

// lacks reports whether p is an OFF that has passed but not yet ended all that it names: a further
// approval may be the one that an ON's roll still lacks (rule 5).
func (b *Box) lacks(p *vote.Proposal) bool {
	if !p.IsOff() || b.book.State(p.ID) != vote.Passed {
		return false
	}
	for _, e := range b.book.Endings(p) {
		if e.Have < e.Need {
			return true
		}
	}
	return false
}

func (b *Box) ballot(id vote.ID, c vote.Choice) (*record.Record, error) {
	data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Voter: b.self.Key(), Choice: c})
	if err != nil {
		return nil, err
	}
	return b.sign(KindBallot, 0, data)
}

// SignCancel signs that one withdraws a proposal of one's own, as far as that can be done: a last
// approval that was already signed still passes it. It counts nowhere until Take.
func (b *Box) SignCancel(id vote.ID) ([]*record.Record, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	switch {
	case !ok:
		return nil, vote.ErrNoProposal
	case v.Proposal.Author != b.self.Key():
		return nil, ErrNotOwn
	case v.Tally.State != vote.Open:
		return nil, ErrDecided
	}
	data, err := vote.EncodeCancel(vote.Cancel{Proposal: id, By: b.self.Key()})
	if err != nil {
		return nil, err
	}
	rec, err := b.sign(KindCancel, 0, data)
	return []*record.Record{rec}, err
}

// Take takes what one signed oneself, about one proposal, once it is on disk. What is Kept is to be sent.
func (b *Box) Take(own []*record.Record) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all Outcome
	for i, rec := range own {
		out, err := b.accept(rec, nil) // one's own leaves out nobody that one didn't mean to
		if err != nil {
			return out, err
		}
		if i > 0 {
			out.Kept, out.Dropped = append(all.Kept, out.Kept...), append(all.Dropped, out.Dropped...)
			out.Was, out.Policy = all.Was, out.Policy || all.Policy
		}
		all = out
	}
	return all, nil
}

// Propose is SignProposal and Take, for who keeps nothing.
func (b *Box) Propose(w vote.Wish, now int64) (Outcome, error) {
	return b.taken(b.SignProposal(w, now))
}

// Cast is SignBallot and Take.
func (b *Box) Cast(id vote.ID, c vote.Choice, now int64) (Outcome, error) {
	return b.taken(b.SignBallot(id, c, now))
}

// Cancel is SignCancel and Take.
func (b *Box) Cancel(id vote.ID) (Outcome, error) { return b.taken(b.SignCancel(id)) }

func (b *Box) taken(own []*record.Record, err error) (Outcome, error) {
	if err != nil {
		return Outcome{}, err
	}
	return b.Take(own)
}
