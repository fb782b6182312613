package conversation

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// Voting holds the votes of a room: the proposals, the policy in force, and the ballot that the
// person has chosen and can still undo.
type Voting struct {
	Pane *votes.Pane

	c       *Conversation
	policy  event.Policy
	pending votes.PendingBallot // Proposal is "" when there is none
}

// Policy returns the policy in force in this room.
func (v *Voting) Policy() event.Policy { return v.policy }

// BannerRows returns the banner about the vote that waits for an answer, or no rows.
func (v *Voting) BannerRows(width int) []string { return v.Pane.BannerRows(width, v.pending) }

// handle takes in the events of votes.
func (v *Voting) handle(ev event.Event) {
	c := v.c
	switch ev := ev.(type) {
	case event.ProposalChanged:
		v.proposalChanged(ev)
	case event.BallotCast:
		if ev.Twice {
			c.AddNotice(event.Error, c.phrases().BallotCast(ev))
		}
	case event.PolicyChanged:
		v.policyChanged(ev)
	case event.Differs:
		c.AddNotice(event.Warning, c.phrases().Differs(ev, c.cfg.Roster.Label(roster.ID(ev.Peer.Key, ev.Peer.ID))))
	case event.Gate:
		if ev.Reason != "" {
			c.AddNotice(event.Warning, sanitize.Line(ev.Reason))
		}
	}
}

// proposalChanged notes a proposal, and reports among the messages that it came and how it ended.
func (v *Voting) proposalChanged(ev event.ProposalChanged) {
	c, p := v.c, ev.Proposal
	c.cfg.Roster.NoteVoters(p.By)
	c.cfg.Roster.NoteVoters(p.Roll...)
	c.cfg.Roster.NoteVoters(p.LeftOut...)
	v.Pane.SetProposal(p)
	if v.pending.Proposal == p.ID && !p.CanVote {
		v.pending = votes.PendingBallot{} // the vote was over before the ballot was signed
	}
	if ev.History {
		return
	}
	if ev.Was == "" {
		c.AddNotice(event.Info, c.phrases().Proposed(p))
		if isDisputed(p) {
			c.AddNotice(event.Warning, c.phrases().LeavesOut(p))
		}
		if v.Pane.Asks(p.ID) && c.cfg.Settings.Bell != BellOff {
			c.cfg.Screen.Ring()
		}
	}
	if outcome := c.phrases().Outcome(p); p.State != ev.Was && !outcome.IsEmpty() {
		c.AddNotice(event.Info, outcome)
	}
}

func (v *Voting) policyChanged(ev event.PolicyChanged) {
	c, was := v.c, v.policy.SecureOnly
	v.policy = ev.Policy
	c.cfg.Roster.NoteVoters(ev.Policy.Signed...)
	if was == ev.Policy.SecureOnly || !ev.First && !ev.History {
		return // a peer that was here has seen the vote pass
	}
	c.AddNotice(event.Info, c.phrases().Policy(ev.Policy, true))
}

// Answer chooses a ballot on the proposal in the banner.
func (v *Voting) Answer(choice vote.Choice) {
	if p, ok := v.Pane.BannerProposal(); ok {
		v.answer(p, choice)
	} else {
		v.c.cfg.Screen.Inform(sanitize.Trusted("Nothing waits for your vote; F4 proposes something"))
	}
}

// AnswerSelected chooses a ballot on the proposal that is selected in the pane.
func (v *Voting) AnswerSelected(choice vote.Choice) {
	if p, ok := v.Pane.Selected(); ok && p.CanVote {
		v.answer(p, choice)
	} else if ok {
		v.c.cfg.Screen.Fail(p.Label+" doesn't wait for your vote", "Enter shows it")
	}
}

// answer chooses a ballot, but says which command does for a disputed proposal: a single key is
// pressed too easily.
func (v *Voting) answer(p event.Proposal, choice vote.Choice) {
	if isDisputed(p) {
		v.c.cfg.Screen.Inform(wording.Disputed(p, choice))
	} else {
		v.Choose(p, choice)
	}
}

// Choose holds a ballot back for votes.UndoDelay, because a signed ballot is final. A ballot on
// another proposal that is held back is signed now.
func (v *Voting) Choose(p event.Proposal, choice vote.Choice) {
	if v.pending.Proposal != p.ID {
		v.Sign()
	}
	v.pending = votes.PendingBallot{Proposal: p.ID, Choice: choice, Until: v.c.cfg.Now().Add(votes.UndoDelay)}
}

// Sign has the node sign and send the ballot that is held back, if there is one.
func (v *Voting) Sign() {
	ballot := v.pending
	v.pending = votes.PendingBallot{}
	if ballot.Proposal == "" {
		return
	}
	v.c.cfg.Screen.Queue(func(context.Context) {
		if _, err := v.c.cfg.Node.Vote(ballot.Proposal, ballot.Choice); err != nil {
			v.c.cfg.Screen.Reject(err)
		}
	})
}

// Undo drops the ballot that is held back, and reports whether there was one.
func (v *Voting) Undo() bool {
	if v.pending.Proposal == "" {
		return false
	}
	v.pending = votes.PendingBallot{}
	v.c.cfg.Screen.Inform(sanitize.Trusted("Taken back: nothing was signed"))
	return true
}

// timers calls wake with the next second of a countdown that is shown, and the end of that of a ballot.
func (v *Voting) timers(wake func(time.Time)) {
	if open, asked := v.Pane.CountOpen(); open+asked > 0 || v.pending.Proposal != "" {
		wake(v.c.cfg.Now().Truncate(time.Second).Add(time.Second))
	}
	wake(v.pending.Until)
}

func isDisputed(p event.Proposal) bool { return p.State == vote.StatusDisputed }

// voter returns the label of a voter, "you" for the local peer.
func (c *Conversation) voter(v event.Voter) sanitize.SafeText {
	if v.ID == c.cfg.Self().ID {
		return sanitize.Trusted("you")
	}
	return c.cfg.Roster.Label(roster.ID(v.Key, v.ID))
}

// phrases returns the sentences as the screen words them.
func (c *Conversation) phrases() wording.Phrases {
	return wording.Phrases{Name: c.voter, Most: 5, Dot: c.th.Dot}
}
