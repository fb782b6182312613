package wording

import (
	"fmt"
	"strings"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/vote"
)

// Title returns what a vote is about: `secure-only on`, `topic "freeze at 5"`.
func Title(p event.Proposal) sanitize.SafeText { return sanitize.Line(RawTitle(p)) }

// RawTitle returns what a vote is about, with the topic as its proposer wrote it.
func RawTitle(p event.Proposal) string {
	if isTopic(p) {
		return "topic \"" + p.Action + "\""
	}
	return "secure-only " + p.Action
}

// Subject returns what a vote is about in one or two words.
func Subject(p event.Proposal) sanitize.SafeText {
	switch {
	case isTopic(p):
		return sanitize.Trusted("topic")
	case p.Action == vote.Off:
		return sanitize.Trusted("secure-only off")
	}
	return sanitize.Trusted("secure-only")
}

// IfPassed returns what happens when a vote passes.
func IfPassed(p event.Proposal) sanitize.SafeText {
	if isTopic(p) {
		return sanitize.Linef("the room's topic becomes \"%s\"", sanitize.Line(p.Action))
	}
	if p.Action == vote.Off {
		return sanitize.Trusted("unsigned messages are heard again")
	}
	return sanitize.Trusted("everyone will stop seeing unsigned messages")
}

// Effect returns what comes of a vote that has passed. A topic is one of several, and a vote that
// switches secure-only off may lack approvals of the peers that switched it on.
func Effect(p event.Proposal) sanitize.SafeText {
	switch {
	case !p.Idle:
		return sanitize.Trusted("takes effect now")
	case isTopic(p):
		return sanitize.Trusted("another topic stands")
	}
	if e, lacking := p.Lacks(); lacking {
		return sanitize.Linef("%s stays on: %d of the %d approvals that it takes by those who switched it on", e.Label, e.Have, e.Need)
	}
	return sanitize.Trusted("secure-only stays on")
}

func isTopic(p event.Proposal) bool { return p.Slot == vote.Topic }

// Choice returns the word for a ballot, or for its absence.
func Choice(choice vote.Choice) sanitize.SafeText {
	switch choice {
	case vote.Approve:
		return sanitize.Trusted("yes")
	case vote.Reject:
		return sanitize.Trusted("no")
	case vote.Both:
		return sanitize.Trusted("voted twice")
	}
	return sanitize.Trusted("not yet")
}

// TimeLeft returns the time until a vote closes, of constant width below ten hours: ` 2:41`, ` 3h05`.
func TimeLeft(p event.Proposal, now time.Time) string {
	d := max(p.Closes.Sub(now), 0).Round(time.Second)
	if d >= time.Hour {
		return fmt.Sprintf("%2dh%02d", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%2d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

// Proposed reports a new vote.
func (ph Phrases) Proposed(p event.Proposal) sanitize.SafeText {
	text := sanitize.Linef("%s proposed %s: %s %s needs %d of %d", ph.Name(p.By), p.Label, Title(p), ph.Dot, p.Need, p.Of())
	if ph.Terse && p.Note != "" {
		return sanitize.Linef("%s %s %s", text, ph.Dot, p.Note)
	}
	return text
}

// LeavesOut warns that a vote doesn't apply here, because its voters lack some that are here.
func (ph Phrases) LeavesOut(p event.Proposal) sanitize.SafeText {
	return sanitize.Linef("%s leaves out %s: it does not count here until /accept %s", p.Label, ph.Names(p.LeftOut), p.Label)
}

// endings holds the verbs of votes that are over but didn't pass, for the screen and for line mode.
var endings = map[vote.Status]struct{ screen, terse string }{
	vote.StatusRejected:  {"REJECTED", "REJECTED"},
	vote.StatusCancelled: {"was withdrawn", "CANCELLED"},
	vote.StatusExpired:   {"expired, undecided", "EXPIRED, undecided"},
	vote.StatusEnded:     {"ended", "ENDED"},
}

// Outcome reports how a vote ended. It is empty while the vote is open.
func (ph Phrases) Outcome(p event.Proposal) sanitize.SafeText {
	if p.State == vote.StatusPassed {
		text := sanitize.Linef("%s PASSED %d of %d: %s", p.Label, p.Yes, p.Of(), Title(p))
		if ph.Terse && !p.Idle {
			return text
		}
		return sanitize.Linef("%s %s %s", text, ph.Dot, Effect(p))
	}
	verbs, over := endings[p.State]
	if !over {
		return sanitize.SafeText{}
	}
	return sanitize.Linef("%s %s: %s", p.Label, ph.either(verbs.screen, verbs.terse), Title(p))
}

// BallotCast reports a ballot, or a voter's second and contrary one.
func (ph Phrases) BallotCast(b event.BallotCast) sanitize.SafeText {
	p := b.Proposal
	switch {
	case b.Twice:
		text := sanitize.Linef("%s voted twice on %s: two machines, a restored backup, or dishonest", ph.Name(b.By), p.Label)
		if ph.Terse {
			return text
		}
		return sanitize.Linef("%s %s /evidence %s FILE saves the proof", text, ph.Dot, p.Label)
	case b.Choice == vote.Approve && p.Yes > p.Need: // it has passed
		return sanitize.Linef("%s approved %s (%d approvals, %d needed)", ph.Name(b.By), p.Label, p.Yes, p.Need)
	case b.Choice == vote.Approve:
		return sanitize.Linef("%s approved %s (%d of %d needed)", ph.Name(b.By), p.Label, p.Yes, p.Need)
	}
	return sanitize.Linef("%s rejected %s (%d against)", ph.Name(b.By), p.Label, p.No)
}

// Differs warns that a peer, shown under its label, applies a vote that we don't, or the other way round.
func (ph Phrases) Differs(d event.Differs, label sanitize.SafeText) sanitize.SafeText {
	switch {
	case d.Label == "":
		return sanitize.Linef("%s applies other votes than you", label)
	case !d.SecureOnly:
		return sanitize.Linef("%s doesn't apply vote %s, you do %s /refuse %s to stop", label, d.Label, ph.Dot, d.Label)
	}
	return sanitize.Linef("%s applies vote %s, you don't %s /accept %s to apply it too", label, d.Label, ph.Dot, d.Label)
}

// Policy reports what the room has decided about unsigned messages. Signed adds who signed that, for a
// reader who wasn't there.
func (ph Phrases) Policy(p event.Policy, signed bool) sanitize.SafeText {
	since, effect := sanitize.Line(p.Label), "refused"
	if signed = signed && len(p.Signed) > 0; signed {
		since = sanitize.Linef("%s, signed by %s", since, ph.Names(p.Signed))
	}
	if !p.SecureOnly {
		effect = ph.either("heard again", "heard")
	}
	switch {
	case !ph.Terse:
		return sanitize.Linef("Secure-only is %s since %s: unsigned messages are %s", OnOff(p.SecureOnly), since, effect)
	case p.SecureOnly || signed:
		return sanitize.Linef("Secure-only is %s (%s): unsigned messages are %s", OnOff(p.SecureOnly), since, effect)
	}
	return sanitize.Trusted("Secure-only is off: unsigned messages are heard")
}

// Proposals returns the rows of a list of votes.
func (ph Phrases) Proposals(list []event.Proposal) []sanitize.SafeText {
	if len(list) == 0 {
		return []sanitize.SafeText{sanitize.Trusted("No proposals yet: /propose begins one")}
	}
	rows := []sanitize.SafeText{sanitize.Trusted("Proposals:")}
	for _, p := range list {
		rows = append(rows, sanitize.Linef("  - %s %s by %s: %s, %d yes %d no, needs %d of %d",
			p.Label, Title(p), ph.Name(p.By), strings.ToUpper(string(p.State)), p.Yes, p.No, p.Need, p.Of()))
	}
	return rows
}

// Disputed says how to vote on a proposal that one key doesn't vote on: it leaves out voters that are here.
func Disputed(p event.Proposal, choice vote.Choice) sanitize.SafeText {
	return sanitize.Linef("%s is disputed: /vote %s %s votes on it nevertheless", p.Label, p.Label, Choice(choice))
}
