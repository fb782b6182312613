package ballotbox

import (
	"encoding/hex"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Hash is 16 hex digits over what is held: half of a room's frontier hash (rule 10).
func (b *Box) Hash() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.book.Hash()
	return hex.EncodeToString(h[:8])
}

// Map is what is held, a line a proposal.
func (b *Box) Map() vote.Map {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Map()
}

// Lacking is what to ask the sender of theirs for; empty when he has nothing new.
func (b *Box) Lacking(theirs vote.Map) vote.Map {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.book.Lacking(theirs)
}

// Answer is what to send to whoever asked, passed proposals first, each before its ballots.
func (b *Box) Answer(asked vote.Map) []*record.Record {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*record.Record
	for _, ref := range b.book.Answer(asked) {
		if rec := b.records[ref]; rec != nil {
			out = append(out, rec)
		}
	}
	return out
}

// AcceptAll takes what came in answer to Lacking, or from disk. A proposal that comes with enough
// approvals is taken together with them, so that an author's other, undecided proposals can't push
// out what is decided (rule 11). It returns an outcome for each proposal that changed, and how many
// records were refused. linked is as in Accept.
func (b *Box) AcceptAll(recs []*record.Record, linked []identity.Key) (outs []Outcome, refused int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.certificates(recs) {
		out := Outcome{Proposal: c.Proposal.ID}
		for _, r := range recs {
			if s, err := b.read(r); err == nil && s.ref.Proposal == c.Proposal.ID && b.records[s.ref] == nil {
				b.records[s.ref] = r
			}
		}
		known := b.book.State(c.Proposal.ID) != vote.Unknown
		res, err := b.book.AddCertificate(c)
		if err != nil {
			refused++
			b.forget(c.Proposal.ID)
			continue
		}
		for _, ref := range res.Adopted {
			if rec := b.records[ref]; rec != nil {
				out.Kept = append(out.Kept, rec)
			}
		}
		res.Adopted = nil
		b.follow(&out, c.Proposal.Ref(), res)
		if !known {
			b.judge(&out, &c.Proposal, linked)
		}
		out.Policy = b.derive()
		if len(out.Kept) > 0 {
			outs = append(outs, out)
		}
	}
	for _, r := range recs {
		out, err := b.accept(r, linked)
		if err != nil {
			refused++
		} else if len(out.Kept) > 0 || len(out.Dropped) > 0 {
			outs = append(outs, out)
		}
	}
	return outs, refused
}

// certificates finds the unknown proposals among recs that come with enough approvals.
func (b *Box) certificates(recs []*record.Record) []vote.Certificate {
	var out []vote.Certificate
	for _, r := range recs {
		s, err := b.read(r)
		if err != nil || s.ref.Kind != vote.RefProposal || b.book.State(s.ref.Proposal) != vote.Unknown {
			continue
		}
		if c := certify(s.proposal, recs); c.Check() == nil {
			out = append(out, c)
		}
	}
	return out
}

// certify puts the approvals of p among recs in a certificate's order.
func certify(p vote.Proposal, recs []*record.Record) vote.Certificate {
	approve := map[identity.Key]int{}
	for _, r := range recs {
		if s, err := read(r); err == nil && s.ref.Kind == vote.RefBallot && s.ref.Proposal == p.ID && s.ref.Choice == vote.Approve {
			approve[s.ref.By] = size(r)
		}
	}
	c := vote.Certificate{Proposal: p}
	for _, key := range p.Roll {
		if n, yes := approve[key]; yes {
			c.Ballots = append(c.Ballots, vote.Ballot{Proposal: p.ID, Voter: key, Choice: vote.Approve, Size: n})
		}
	}
	return c
}

// forget lets go of the records of a proposal that the book doesn't know.
func (b *Box) forget(id vote.ID) {
	if b.book.State(id) != vote.Unknown {
		return
	}
	for ref := range b.records {
		if ref.Proposal == id {
			delete(b.records, ref)
		}
	}
}
