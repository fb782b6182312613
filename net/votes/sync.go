package votes

import (
	"encoding/hex"
	"maps"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// Hash returns 16 hex digits of the ledger's hash: half of a room's frontier hash (package vote, rule 10).
func (rs *Records) Hash() string {
	h := rs.Ledger.Hash()
	return hex.EncodeToString(h[:8])
}

// ListRequested returns the records for a request, passed proposals first, each before its ballots.
func (rs *Records) ListRequested(asked vote.Map) []*record.Record {
	var out []*record.Record
	for _, ref := range rs.Ledger.ListRequested(asked) {
		if rec := rs.records[ref]; rec != nil {
			out = append(out, rec)
		}
	}
	return out
}

// AcceptAll adds verified records of any peer, of an answer to ListMissing, or from disk. It adds a
// proposal together with its approvals if these pass it. So the author's other, undecided proposals
// can't push out a decided one (package vote, rule 11).
//
// linked are the native peers with a link for vote.DisputeAfter or more (package vote, rule 6). It
// returns an outcome for each proposal that changed, and how many records were refused.
func (rs *Records) AcceptAll(recs []*record.Record, linked []identity.Key) (outs []Change, refused int) {
	// Each record is read once and found by its proposal: a room may hold tens of thousands.
	var all []readRecord
	about := map[vote.ID][]readRecord{}
	for _, rec := range recs {
		r, err := read(rec, rs.room)
		if err != nil {
			refused++
			continue
		}
		all = append(all, r)
		about[r.ref.Proposal] = append(about[r.ref.Proposal], r)
	}
	for _, h := range all {
		id := h.ref.Proposal
		if h.ref.Kind != vote.RefProposal || rs.State(id) != vote.Unknown {
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
		var out Change
		if rs.take(&out, h, linked) != nil {
			refused++
		} else if len(out.Accepted) > 0 || len(out.Dropped) > 0 {
			outs = append(outs, out)
		}
	}
	rs.publish()
	return outs, refused
}

// acceptCertificate adds an unknown proposal with the approvals that pass it. about holds all records about it.
func (rs *Records) acceptCertificate(c vote.Certificate, about []readRecord, linked []identity.Key) (Change, error) {
	out := Change{Proposal: c.Proposal.ID}
	for _, h := range about {
		if rs.records[h.ref] == nil {
			rs.records[h.ref] = h.rec
		}
	}
	res, err := rs.AddCertificate(c)
	if err != nil {
		if rs.State(out.Proposal) == vote.Unknown {
			maps.DeleteFunc(rs.records, func(ref vote.Ref, _ *record.Record) bool { return ref.Proposal == out.Proposal })
		}
		return out, err
	}
	rs.follow(&out, c.Proposal.Ref(), res)
	rs.judge(&out, &c.Proposal, linked)
	out.Policy = rs.derive()
	return out, nil
}

// certify makes a certificate of p from the approvals among the records about it.
func certify(p vote.Proposal, about []readRecord) vote.Certificate {
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
