package votes

import (
	"errors"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// errOff says why an OFF can't be disputed (rule 6).
var errOff = errors.New("secure-only off is judged by the records alone: it can't be refused or accepted")

// Policy is what holds for this client.
func (rs *Records) Policy() vote.Policy {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.policy
}

// Dispute puts a proposal into the dispute set or takes it out (/refuse, /accept), and reports
// whether the policy changed. The set belongs to the profile: see Disputes.
func (rs *Records) SetDisputed(id vote.ID, on bool) (changed bool, err error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	v, ok := rs.ledger.View(id)
	switch {
	case !ok:
		return false, vote.ErrNoProposal
	case v.Proposal.IsOff():
		return false, errOff
	case on:
		rs.disputes[id] = struct{}{}
	default:
		delete(rs.disputes, id)
	}
	return rs.derive(), nil
}

// Restore fills an empty box with what was kept: records that verify and the dispute set as it was.
// Nothing becomes disputed by it. It returns how many records were refused.
func (rs *Records) Restore(recs []*record.Record, disputes []vote.ID) (refused int) {
	rs.mu.Lock()
	for _, id := range disputes {
		rs.disputes[id] = struct{}{}
	}
	rs.mu.Unlock()
	_, refused = rs.AcceptAll(recs, nil)
	return refused
}

// View is one proposal as it stands, with its word on the screen at now (ms since 1970).
func (rs *Records) View(id vote.ID, now int64) (vote.View, vote.Status, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	v, ok := rs.ledger.View(id)
	if !ok {
		return v, "", false
	}
	return v, v.Status(rs.disputes, now), true
}

// Proposals is the ids of all that are known, by number.
func (rs *Records) Proposals() []vote.ID {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Proposals()
}

// Find is the proposal that a person means by "#4", "4", "#4·7f" or the beginning of an id.
func (rs *Records) Find(text string) (vote.ID, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Find(text)
}

// Label is what people call a proposal; "" when it is not known.
func (rs *Records) Label(id vote.ID) string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Label(id)
}

// Endings is how far an OFF has come with each ON that it names; for a draft, how far it has to go.
func (rs *Records) Endings(off *vote.Proposal) []vote.Ending {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Endings(off)
}

// Evidence is every key that signed both an approval and a reject of one proposal.
func (rs *Records) Evidence() []vote.Evidence {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Evidence()
}
