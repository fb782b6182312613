package votes

import (
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// policyWait is how long a joiner waits to learn the policy before it may send cleartext.
const policyWait = 3 * time.Second

// Policy returns what holds here.
func (v *Votes) Policy() event.Policy {
	v.cfg.Lock.Lock()
	defer v.cfg.Lock.Unlock()
	return v.policyLocked()
}

func (v *Votes) policyLocked() event.Policy {
	p := v.records.Policy()
	out := event.Policy{SecureOnly: p.SecureOnly, Topic: p.Topic}
	if view, _, ok := v.records.View(p.By, 0); ok {
		out.Number, out.Label = int(view.Proposal.Number), view.Label
		for i, c := range view.Choices {
			if c&vote.Approve != 0 {
				out.Signed = append(out.Signed, v.voterLocked(view.Proposal.Roll[i], c))
			}
		}
	}
	if !p.TopicBy.IsZero() {
		out.TopicLabel = v.records.Label(p.TopicBy)
	}
	return out
}

// WirePolicyLocked returns what a Hello says of the policy.
func (v *Votes) WirePolicyLocked() *wire.Policy {
	p := v.records.Policy()
	out := &wire.Policy{SecureOnly: p.SecureOnly, Votes: v.records.Hash()}
	if !p.By.IsZero() {
		out.By = p.By.String()
	}
	return out
}

// postPolicyLocked reports that the policy changed, and what follows from that.
func (v *Votes) postPolicyLocked(history bool) {
	v.cfg.Host.PolicyChanged()
	v.postChangedLocked(history)
	v.cfg.Events.Post(event.PolicyChanged{Scope: v.scope, Policy: v.policyLocked(), History: history})
}

// onLevelLocked notes that our votes are level with a peer's: the policy is known. If theirs differs, the dispute sets
// do, which is reported.
func (v *Votes) onLevelLocked(s *Session) {
	v.setKnownLocked()
	theirs, ours := s.policy, v.WirePolicyLocked()
	if theirs == nil || theirs.Votes != ours.Votes || theirs.SecureOnly == ours.SecureOnly {
		return
	}
	both := [2]wire.Policy{*theirs, *ours}
	if s.differs == both {
		return // each answer that brings us level comes here
	}
	s.differs = both
	peer, _ := v.cfg.Host.Peer(s.key)
	d := event.Differs{Scope: v.scope, Peer: peer, SecureOnly: theirs.SecureOnly}
	by := theirs.By
	if !theirs.SecureOnly { // then it is ours that they don't apply
		by = ours.By
	}
	if id, err := vote.ParseID(by); err == nil {
		d.Label = v.records.Label(id)
	}
	v.cfg.Events.Post(d)
}

func (v *Votes) setKnownLocked() {
	if !v.known {
		v.known = true
		v.cfg.Host.PolicyKnown()
	}
}

// TickLocked reports proposals that have expired, and ends a joiner's waiting. Call it every second.
func (v *Votes) TickLocked() {
	v.postChangedLocked(false)
	if !v.known && !v.waiting.IsZero() && time.Since(v.waiting) >= policyWait {
		v.setKnownLocked()
		v.cfg.Events.Post(event.Gate{Scope: v.scope, Open: true, Reason: "policy not yet known"})
	}
}
