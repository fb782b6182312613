package ballotbox

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

// Propose signs a proposal and one's own approval of it, and takes both. What it returns is kept
// already; it must be on disk before it is sent.
func (b *Box) Propose(w vote.Wish, now int64) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, err := b.book.Draft(b.self.Key(), w, b.disputes, now)
	if err != nil {
		return Outcome{}, err
	}
	data, err := vote.EncodeProposal(&p)
	if err != nil {
		return Outcome{}, err
	}
	rec, err := b.sign(KindProposal, now, data)
	if err != nil {
		return Outcome{}, fmt.Errorf("a proposal that size can't be signed: %w", err)
	}
	out, err := b.accept(rec, nil) // one's own leaves out nobody that one didn't mean to
	if err != nil {
		return out, err
	}
	mine, err := b.cast(vote.ID(rec.ID()), vote.Approve)
	mine.Kept = append(out.Kept, mine.Kept...)
	mine.Dropped = append(out.Dropped, mine.Dropped...)
	mine.Policy = mine.Policy || out.Policy
	mine.Was = vote.Unknown
	return mine, err
}

// Cast signs one's ballot on a proposal and takes it. It is final: the caller has held it for as
// long as it can be undone. It must be on disk before it is sent (rule 3).
func (b *Box) Cast(id vote.ID, c vote.Choice, now int64) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	switch {
	case !ok:
		return Outcome{}, vote.ErrNoProposal
	case !v.Proposal.OnRoll(b.self.Key()):
		return Outcome{}, ErrNoVote
	case b.book.Choice(id, b.self.Key()) != vote.None:
		return Outcome{}, ErrCast
	case v.Tally.State != vote.Open && !b.lacks(v.Proposal):
		return Outcome{}, ErrDecided
	case now >= v.Proposal.Closes:
		return Outcome{}, ErrClosed
	}
	return b.cast(id, c)
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

func (b *Box) cast(id vote.ID, c vote.Choice) (Outcome, error) {
	data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Voter: b.self.Key(), Choice: c})
	if err != nil {
		return Outcome{}, err
	}
	return b.own(KindBallot, data)
}

// Cancel withdraws one's own proposal, as far as that can be done: a last approval that was already
// signed still passes it.
func (b *Box) Cancel(id vote.ID) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.book.View(id)
	switch {
	case !ok:
		return Outcome{}, vote.ErrNoProposal
	case v.Proposal.Author != b.self.Key():
		return Outcome{}, ErrNotOwn
	case v.Tally.State != vote.Open:
		return Outcome{}, ErrDecided
	}
	data, err := vote.EncodeCancel(vote.Cancel{Proposal: id, By: b.self.Key()})
	if err != nil {
		return Outcome{}, err
	}
	return b.own(KindCancel, data)
}

func (b *Box) own(kind record.Kind, data []byte) (Outcome, error) {
	rec, err := b.sign(kind, 0, data)
	if err != nil {
		return Outcome{}, err
	}
	return b.accept(rec, nil)
}
