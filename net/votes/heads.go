package votes

import (
	"maps"
	"slices"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// MaxChanged bounds the proposals that are remembered for Heads (see package replica); pings find the others.
const MaxChanged = 64

// evidenceRate bounds how many equivocations are sent to all peers, in a second. Of others they hear by and by.
const evidenceRate = 4

// noteChangedLocked notes that there is something new about a proposal.
func (v *Votes) noteChangedLocked(id vote.ID) {
	if len(v.changed) < MaxChanged {
		v.changed[id] = true
	}
}

// TakeChangedLocked returns what is held of the proposals that have changed since it was called last.
func (v *Votes) TakeChangedLocked() []wire.HeldVotes {
	if len(v.changed) == 0 {
		return nil
	}
	held := toWire(v.records.MapOf(slices.Collect(maps.Keys(v.changed))...))
	clear(v.changed)
	return held
}

// TakeHeadsLocked asks a peer for what it names and is missing here. It reports whether there is a question, which
// there isn't while an earlier one waits for its answer.
func (v *Votes) TakeHeadsLocked(s *Session, held []wire.HeldVotes) (asked bool) {
	m, ok := fromWire(held)
	if !ok {
		v.cfg.Host.Refuse(s.key, "malformed heads")
		return false
	}
	if s.theirs != nil || len(v.records.ListMissing(m)) == 0 {
		return false
	}
	s.theirs, s.few, s.missing = m, true, 0
	v.askLocked(s)
	return true
}

// sendEvidenceLocked sends all peers the two ballots that a voter signed about one proposal: half of the room may have
// had the one from the voter, and half the other.
func (v *Votes) sendEvidenceLocked(id vote.ID, voter identity.Key) {
	if !v.evidence.Allow() {
		return
	}
	for _, c := range []vote.Choice{vote.Approve, vote.Reject} {
		ref := vote.Ballot{Proposal: id, Voter: voter, Choice: c}.Ref()
		if rec := v.records.records[ref]; rec != nil {
			v.cfg.Host.Forward(rec, identity.Key{}, false)
		}
	}
}
