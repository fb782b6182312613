package votes

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
	// Each is read once, and looked for by its proposal: a room may keep tens of thousands.
	var all []heard
	about := map[vote.ID][]heard{}
	for _, r := range recs {
		s, err := b.read(r)
		if err != nil {
			refused++
			continue
		}
		all = append(all, heard{r, s})
		about[s.ref.Proposal] = append(about[s.ref.Proposal], heard{r, s})
	}
	for _, h := range all {
		id := h.ref.Proposal
		if h.ref.Kind != vote.RefProposal || b.book.State(id) != vote.Unknown {
			continue
		}
		c := certify(h.proposal, about[id])
		if c.Check() != nil {
			continue
		}
		if out, err := b.acceptCertificate(c, about[id], linked); err != nil {
			refused++
		} else if len(out.Kept) > 0 {
			outs = append(outs, out)
		}
	}
	for _, h := range all {
		out, err := b.take(h.rec, h.said, linked)
		if err != nil {
			refused++
		} else if len(out.Kept) > 0 || len(out.Dropped) > 0 {
			outs = append(outs, out)
		}
	}
	return outs, refused
}

// heard is a record that was read.
type heard struct {
	rec *record.Record
	said
}

// acceptCertificate takes an unknown proposal together with the approvals that pass it. about is the
// records that prove it, and maybe more about the same proposal.
func (b *Box) acceptCertificate(c vote.Certificate, about []heard, linked []identity.Key) (Outcome, error) {
	out := Outcome{Proposal: c.Proposal.ID}
	for _, h := range about {
		if b.records[h.ref] == nil {
			b.records[h.ref] = h.rec
		}
	}
	res, err := b.book.AddCertificate(c)
	if err != nil {
		b.forget(c.Proposal.ID)
		return out, err
	}
	for _, ref := range res.Adopted {
		if rec := b.records[ref]; rec != nil {
			out.Kept = append(out.Kept, rec)
		}
	}
	res.Adopted = nil
	b.follow(&out, c.Proposal.Ref(), res)
	b.judge(&out, &c.Proposal, linked)
	out.Policy = b.derive()
	return out, nil
}

// certify puts the approvals of p among the records about it in a certificate's order.
func certify(p vote.Proposal, about []heard) vote.Certificate {
	approve := map[identity.Key]int{}
	for _, h := range about {
		if h.ref.Kind == vote.RefBallot && h.ref.Choice == vote.Approve {
			approve[h.ref.By] = size(h.rec)
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
