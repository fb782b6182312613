package lines

import (
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/wording"
)

// phrases returns the sentences as line mode has them.
func (v *textView) phrases() wording.Phrases {
	return wording.Phrases{Name: v.voter, Most: 8, Dot: sanitize.Trusted("·"), Terse: true}
}

func (v *textView) voter(w event.Voter) sanitize.SafeText {
	return v.roster.Label(roster.ID(w.Key, w.ID))
}

// vote writes the events of votes, each in one plain line.
func (v *textView) vote(ev event.Event) {
	switch ev := ev.(type) {
	case event.ProposalChanged:
		v.proposal(ev)
	case event.BallotCast:
		switch {
		case ev.Twice:
			v.warn("🗳️ %s", v.phrases().BallotCast(ev))
		case !ev.History:
			v.say("🗳️ %s", v.phrases().BallotCast(ev))
		}
	case event.PolicyChanged:
		if ev.Policy.SecureOnly != v.secureOnly || ev.Policy.SecureOnly && ev.Policy.Label != v.policyLabel {
			v.policy(ev.Policy, ev.First || ev.History) // not when only the topic is another
		}
		v.secureOnly, v.policyLabel = ev.Policy.SecureOnly, ev.Policy.Label
	case event.Differs:
		v.say("🔐 %s", v.phrases().Differs(ev, v.label(ev.Peer)))
	case event.Gate:
		if ev.Reason != "" {
			v.say("🔐 %s", ev.Reason)
		}
	}
}

func (v *textView) proposal(ev event.ProposalChanged) {
	p := ev.Proposal
	if ev.Was == "" && !ev.History {
		v.say("🔐 %s", v.phrases().Proposed(p))
		if len(p.LeftOut) > 0 {
			v.say("🔐 %s", v.phrases().LeavesOut(p))
		}
	}
	if outcome := v.phrases().Outcome(p); p.State != ev.Was && !outcome.IsEmpty() {
		v.say("🔐 %s", outcome)
	}
}

// policy writes what the room has decided and, for a reader who wasn't there, who signed that.
func (v *textView) policy(p event.Policy, signed bool) {
	v.say("🔐 %s", v.phrases().Policy(p, signed))
}

func (v *textView) proposals(a command.Proposals) {
	sign := "🗳️ "
	for _, row := range v.phrases().Proposals(a.Proposals) {
		v.say("%s%s", sign, row)
		sign = ""
	}
	v.policy(a.Policy, true)
}
