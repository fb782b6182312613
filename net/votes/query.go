package votes

import (
	"errors"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/vote"
)

// errOff says why an OFF can't be disputed (package vote, rule 6).
var errOff = errors.New("secure-only off is judged by the records alone: it can't be refused or accepted")

// Policy returns the policy of this client.
func (rs *Records) Policy() vote.Policy { return rs.policy }

// SecureOnly reports whether unsigned messages are refused here, and the label of the proposal that
// made it so. It may be called from any goroutine, under any lock.
func (rs *Records) SecureOnly() (label string, on bool) {
	if l := rs.secureOnly.Load(); l != nil {
		return *l, true
	}
	return "", false
}

// publish has SecureOnly return what holds now, once a batch of records is taken.
func (rs *Records) publish() {
	var label *string
	if rs.policy.SecureOnly {
		text := rs.Label(rs.policy.By)
		label = &text
	}
	rs.secureOnly.Store(label)
}

// SetDisputed adds a proposal to the dispute set or removes it (/refuse, /accept), and reports
// whether the policy changed. The caller saves the set.
func (rs *Records) SetDisputed(id vote.ID, on bool) (changed bool, err error) {
	v, ok := rs.Ledger.View(id)
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
	changed = rs.derive()
	rs.publish()
	return changed, nil
}

// Restore fills empty records from disk: verified records and the dispute set. It disputes no
// proposal anew. It returns how many records were refused.
func (rs *Records) Restore(recs []*record.Record, disputes []vote.ID) (refused int) {
	for _, id := range disputes {
		rs.disputes[id] = struct{}{}
	}
	_, refused = rs.AcceptAll(recs, nil)
	return refused
}

// View returns a proposal's current state and its word on the screen at now (ms since 1970).
func (rs *Records) View(id vote.ID, now int64) (vote.View, vote.Status, bool) {
	v, ok := rs.Ledger.View(id)
	if !ok {
		return v, "", false
	}
	return v, v.Status(rs.disputes, now), true
}
