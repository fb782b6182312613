package votes

import (
	"encoding/hex"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Hash is 16 hex digits over what is held: half of a room's frontier hash (rule 10).
func (rs *Records) Hash() string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	h := rs.ledger.Hash()
	return hex.EncodeToString(h[:8])
}

// Map is what is held, a line a proposal.
func (rs *Records) Map() vote.Map {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Map()
}

// ListMissing is what to ask the sender of theirs for; empty when he has nothing new.
func (rs *Records) ListMissing(theirs vote.Map) vote.Map {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.ListMissing(theirs)
}

// Answer is what to send to whoever asked, passed proposals first, each before its ballots.
func (rs *Records) ListRequested(asked vote.Map) []*record.Record {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	var out []*record.Record
	for _, ref := range rs.ledger.ListRequested(asked) {
		if rec := rs.records[ref]; rec != nil {
			out = append(out, rec)
		}
	}
	return out
}

// AcceptAll takes what came in answer to ListMissing, or from disk. A proposal that comes with enough
// approvals is taken together with them, so that an author's other, undecided proposals can't push
// out what is decided (rule 11). It returns an outcome for each proposal that changed, and how many
// records were refused. linked is as in Accept.
func (rs *Records) AcceptAll(recs []*record.Record, linked []identity.Key) (outs []Outcome, refused int) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	// Each is read once, and looked for by its proposal: a room may keep tens of thousands.
	var all []heard
	about := map[vote.ID][]heard{}
	for _, r := range recs {
		s, err := rs.read(r)
		if err != nil {
			refused++
			continue
		}
		all = append(all, heard{r, s})
		about[s.ref.Proposal] = append(about[s.ref.Proposal], heard{r, s})
	}
	for _, h := range all {
		id := h.ref.Proposal
		if h.ref.Kind != vote.RefProposal || rs.ledger.State(id) != vote.Unknown {
			continue
		}
		c := certify(h.proposal, about[id])
		if c.Check() != nil {
			continue
		}
		if out, err := rs.acceptCertificate(c, about[id], linked); err != nil {
			refused++
		} else if len(out.Accepted) > 0 {
			outs = append(outs, out)
		}
	}
	for _, h := range all {
		out, err := rs.take(h.rec, h.said, linked)
		if err != nil {
			refused++
		} else if len(out.Accepted) > 0 || len(out.Dropped) > 0 {
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
func (rs *Records) acceptCertificate(c vote.Certificate, about []heard, linked []identity.Key) (Outcome, error) {
	out := Outcome{Proposal: c.Proposal.ID}
	for _, h := range about {
		if rs.records[h.ref] == nil {
			rs.records[h.ref] = h.rec
		}
	}
	res, err := rs.ledger.AddCertificate(c)
	if err != nil {
		rs.forget(c.Proposal.ID)
		return out, err
	}
	for _, ref := range res.Adopted {
		if rec := rs.records[ref]; rec != nil {
			out.Accepted = append(out.Accepted, rec)
		}
	}
	res.Adopted = nil
	rs.follow(&out, c.Proposal.Ref(), res)
	rs.judge(&out, &c.Proposal, linked)
	out.Policy = rs.derive()
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
func (rs *Records) forget(id vote.ID) {
	if rs.ledger.State(id) != vote.Unknown {
		return
	}
	for ref := range rs.records {
		if ref.Proposal == id {
			delete(rs.records, ref)
		}
	}
}
