package lines

import (
	"fmt"
	"strings"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
)

func (v *textView) voter(w event.Voter) string {
	return v.roster.Label(roster.ID(w.Key, w.ID)).String()
}

// vote writes the events of votes, each in one plain line.
func (v *textView) vote(ev event.Event) {
	switch ev := ev.(type) {
	case event.ProposalChanged:
		v.proposal(ev)
	case event.BallotCast:
		p := ev.Proposal
		switch {
		case ev.Twice:
			v.warn("🗳️ %s voted twice on %s: two machines, a restored backup, or dishonest", v.voter(ev.By), p.Label)
		case ev.History:
		case ev.Choice == "approve" && p.Yes > p.Need: // it has passed
			v.say("🗳️ %s approved %s (%d approvals, %d needed)", v.voter(ev.By), p.Label, p.Yes, p.Need)
		case ev.Choice == "approve":
			v.say("🗳️ %s approved %s (%d of %d needed)", v.voter(ev.By), p.Label, p.Yes, p.Need)
		default:
			v.say("🗳️ %s rejected %s (%d against)", v.voter(ev.By), p.Label, p.No)
		}
	case event.PolicyChanged:
		if ev.Policy.SecureOnly != v.secureOnly || ev.Policy.SecureOnly && ev.Policy.Label != v.policyLabel {
			v.policy(ev.Policy, ev.First || ev.History) // not when only the topic is another
		}
		v.secureOnly, v.policyLabel = ev.Policy.SecureOnly, ev.Policy.Label
	case event.Differs:
		label := v.roster.Label(roster.ID(ev.Peer.Key, ev.Peer.ID))
		switch {
		case ev.Label == "":
			v.say("🔐 %s follows another policy than you", label)
		case !ev.SecureOnly:
			v.say("🔐 %s doesn't follow %s, you do · /refuse %s", label, ev.Label, ev.Label)
		default:
			v.say("🔐 %s follows %s, you don't · /accept %s", label, ev.Label, ev.Label)
		}
	case event.Gate:
		if ev.Reason != "" {
			v.say("🔐 %s", ev.Reason)
		}
	}
}

func (v *textView) proposal(ev event.ProposalChanged) {
	p := ev.Proposal
	if ev.Was == "" && !ev.History {
		note := ""
		if p.Note != "" {
			note = " · " + sanitize.Line(p.Note).String()
		}
		v.say("🔐 %s proposed %s: %s · needs %d of %d%s", v.voter(p.By), p.Label, sanitize.Line(p.Title()), p.Need, p.Of(), note)
		if len(p.LeftOut) > 0 {
			v.say("🔐 %s leaves out %s: it does not count here until /accept %s", p.Label, v.voters(p.LeftOut), p.Label)
		}
	}
	if p.State == ev.Was {
		return
	}
	switch p.State {
	case "passed":
		but := ""
		if p.Idle {
			but = " · " + p.Effect()
		}
		v.say("🔐 %s PASSED %d of %d: %s%s", p.Label, p.Yes, p.Of(), sanitize.Line(p.Title()), but)
	case "rejected", "cancelled", "ended":
		v.say("🔐 %s %s: %s", p.Label, strings.ToUpper(p.State), sanitize.Line(p.Title()))
	case "expired":
		v.say("🔐 %s EXPIRED, undecided: %s", p.Label, sanitize.Line(p.Title()))
	}
}

// policy says what holds and, to who wasn't there when it was decided, who signed that (VOTING.md rule 6).
func (v *textView) policy(p event.Policy, signed bool) {
	by := ""
	if signed && len(p.Signed) > 0 {
		by = ", signed by " + v.voters(p.Signed)
	}
	switch {
	case p.SecureOnly:
		v.say("🔐 Secure-only is on (%s%s): unsigned messages are refused", p.Label, by)
	case by != "":
		v.say("🔐 Secure-only is off (%s%s): unsigned messages are heard", p.Label, by)
	default:
		v.say("🔐 Secure-only is off: unsigned messages are heard")
	}
}

// voters joins what they are called, the first few of them.
func (v *textView) voters(vs []event.Voter) string {
	const most = 8
	var names []string
	for _, w := range vs[:min(len(vs), most)] {
		names = append(names, v.voter(w))
	}
	if len(vs) > most {
		names = append(names, fmt.Sprintf("%d more", len(vs)-most))
	}
	return strings.Join(names, ", ")
}

func (v *textView) proposals(a command.Proposals) {
	if len(a.Proposals) == 0 {
		v.say("🗳️ No proposals yet: /propose begins one")
	} else {
		v.say("🗳️ Proposals:")
	}
	for _, p := range a.Proposals {
		v.say("  - %s %s by %s: %s, %d yes %d no, needs %d of %d", p.Label, sanitize.Line(p.Title()), v.voter(p.By), strings.ToUpper(p.State), p.Yes, p.No, p.Need, p.Of())
	}
	v.policy(a.Policy, true)
}
