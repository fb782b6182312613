package votes

import (
	"errors"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// errOff says why an OFF can't be disputed (package vote, rule 6).
var errOff = errors.New("secure-only off is judged by the records alone: it can't be refused or accepted")

// Policy returns the policy of this client.
func (rs *Records) Policy() vote.Policy {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.policy
}

// SetDisputed adds a proposal to the dispute set or removes it (/refuse, /accept), and reports
// whether the policy changed. The caller saves the set.
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
	return rs.deriveLocked(), nil
}

// Restore fills empty records from disk: verified records and the dispute set. It disputes no
// proposal anew. It returns how many records were refused.
func (rs *Records) Restore(recs []*record.Record, disputes []vote.ID) (refused int) {
	rs.mu.Lock()
	for _, id := range disputes {
		rs.disputes[id] = struct{}{}
	}
	rs.mu.Unlock()
	_, refused = rs.AcceptAll(recs, nil)
	return refused
}

// View returns a proposal's current state and its word on the screen at now (ms since 1970).
func (rs *Records) View(id vote.ID, now int64) (vote.View, vote.Status, bool) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	v, ok := rs.ledger.View(id)
	if !ok {
		return v, "", false
	}
	return v, v.Status(rs.disputes, now), true
}

// Proposals returns the ids of all known proposals, by number.
func (rs *Records) Proposals() []vote.ID {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Proposals()
}

// Find returns the proposal named by "#4", "4", "#4·7f" or the beginning of an id.
func (rs *Records) Find(text string) (vote.ID, error) {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Find(text)
}

// Label returns a proposal's name for people; "" for an unknown proposal.
func (rs *Records) Label(id vote.ID) string {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Label(id)
}

// Endings returns the progress of an OFF with each ON that it names; for a draft, what it will
// need.
func (rs *Records) Endings(off *vote.Proposal) []vote.Ending {
	rs.mu.Lock()
	defer rs.mu.Unlock()
	return rs.ledger.Endings(off)
}
