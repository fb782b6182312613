package tui

import (
	"context"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/tui/sanitize"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/tui/wording"
	"chat.lan/p2pchat/vote"
)

// voting is what the screen knows of votes beside the pane: what is in force, and what is being
// decided right now by the person before it.
type voting struct {
	policy    event.Policy
	held      votes.PendingBallot // a ballot that can still be taken back
	proposing proposeDialog       // a proposal that is being made
}

// voteEvent takes in the events of votes.
func (m *model) voteEvent(ev event.Event) {
	switch ev := ev.(type) {
	case event.ProposalChanged:
		m.proposal(ev)
	case event.BallotCast:
		if ev.Twice {
			m.note(event.Error, m.phrases().BallotCast(ev))
		}
	case event.PolicyChanged:
		m.policyChanged(ev)
	case event.Differs:
		m.note(event.Warning, m.phrases().Differs(ev, m.label(ev.Peer)))
	case event.Gate:
		if ev.Reason != "" {
			m.note(event.Warning, sanitize.Line(ev.Reason))
		}
	}
}

// proposal notes a proposal, and says among the messages that it came and what came of it.
func (m *model) proposal(ev event.ProposalChanged) {
	p := ev.Proposal
	m.roster.NoteVoters(p.By)
	m.roster.NoteVoters(p.Roll...)
	m.roster.NoteVoters(p.LeftOut...)
	m.proposals.SetProposal(p)
	if m.voting.held.Proposal == p.ID && !p.CanVote {
		m.voting.held = votes.PendingBallot{} // it was decided, or has closed, while it could be taken back
	}
	if ev.History {
		return
	}
	if ev.Was == "" {
		m.note(event.Info, m.phrases().Proposed(p))
		if p.State == string(vote.StatusDisputed) {
			m.note(event.Warning, m.phrases().LeavesOut(p))
		}
		if p.CanVote && m.bell != bellOff {
			m.deps.terminal.Bell()
		}
	}
	if outcome := m.phrases().Outcome(p); p.State != ev.Was && !outcome.IsEmpty() {
		m.note(event.Info, outcome)
	}
}

func (m *model) policyChanged(ev event.PolicyChanged) {
	was := m.voting.policy.SecureOnly
	m.voting.policy = ev.Policy
	m.roster.NoteVoters(ev.Policy.Signed...)
	if was == ev.Policy.SecureOnly || !ev.First && !ev.History {
		return // whoever was there has seen it pass
	}
	m.note(event.Info, m.phrases().Policy(ev.Policy, true))
}

// voter is what a voter is called here.
func (m *model) voter(v event.Voter) sanitize.SafeText {
	if v.ID == m.self.ID {
		return sanitize.Trusted("you")
	}
	return m.roster.Label(roster.ID(v.Key, v.ID))
}

// banner is the rows about the vote that is being asked about.
func (m *model) banner() []string { return m.proposals.BannerRows(m.width, m.voting.held) }

// answerVote is F1 and F2: one's ballot on what the banner asks, held for as long as it can be taken
// back. What is disputed takes a command: one key is too easily pressed.
func (m *model) answerVote(c vote.Choice) bool {
	p, ok := m.proposals.BannerProposal()
	if !ok {
		m.status.tell(m.cfg.Now(), sanitize.Trusted("Nothing waits for your vote; F4 proposes something"))
		return true
	}
	if p.State == string(vote.StatusDisputed) {
		m.status.tell(m.cfg.Now(), wording.Disputed(p, c.String()))
		return true
	}
	m.hold(p, c)
	return true
}

// hold keeps a ballot until it is signed by time, or taken back. One that was held before is signed
// now.
func (m *model) hold(p event.Proposal, c vote.Choice) {
	if m.voting.held.Proposal != p.ID {
		m.sign()
	}
	m.voting.held = votes.PendingBallot{Proposal: p.ID, Choice: c.String(), Until: m.cfg.Now().Add(votes.UndoDelay)}
}

// sign gives the held ballot to the node.
func (m *model) sign() {
	held := m.voting.held
	m.voting.held = votes.PendingBallot{}
	if held.Proposal == "" {
		return
	}
	c := vote.Approve
	if held.Choice == vote.Reject.String() {
		c = vote.Reject
	}
	m.queueAction(func(context.Context) {
		if _, err := m.deps.node.Vote(held.Proposal, c); err != nil {
			m.deps.post(command.Fail{Text: err.Error()})
		}
	})
}

// voteTime does what the time asks for.
func (m *model) voteTime(now time.Time) {
	if m.voting.held.Proposal != "" && !now.Before(m.voting.held.Until) {
		m.sign()
	}
}

// nextVote is when something about votes changes by itself: a second of a countdown that is seen.
func (m *model) nextVote(now time.Time) time.Time {
	if open, asked := m.proposals.CountOpen(); open+asked == 0 && m.voting.held.Proposal == "" {
		return time.Time{}
	}
	next := now.Truncate(time.Second).Add(time.Second)
	if until := m.voting.held.Until; m.voting.held.Proposal != "" && until.Before(next) {
		return until
	}
	return next
}

// takeBack is Esc while a ballot is held.
func (m *model) takeBack() bool {
	if m.voting.held.Proposal == "" {
		return false
	}
	m.voting.held = votes.PendingBallot{}
	m.status.tell(m.cfg.Now(), sanitize.Trusted("Taken back: nothing was signed"))
	return true
}

// showVote opens a proposal in full.
func (m *model) showVote(id string) {
	m.show(overlayVote, sanitize.Trusted("Vote"), func(width int) []string {
		p, ok := m.proposals.Proposal(id)
		if !ok {
			return nil
		}
		return m.proposals.DetailRows(p, width)
	})
}

// who is F3: the roll of what the banner asks about.
func (m *model) showVoters() bool {
	if m.overlay.kind == overlayVote {
		m.overlay = overlay{}
		return true
	}
	if p, ok := m.proposals.BannerProposal(); ok {
		m.showVote(p.ID)
		return true
	}
	m.setFocus(paneProposals)
	return true
}

func (m *model) selectVote(delta int) {
	m.proposals.MoveSelection(delta)
	if m.overlay.kind == overlayVote {
		m.openVote()
	}
}

func (m *model) openVote() {
	if p, ok := m.proposals.Selected(); ok {
		m.showVote(p.ID)
	}
}

// voteSelected is a and r in the pane.
func (m *model) voteSelected(c vote.Choice) {
	p, ok := m.proposals.Selected()
	switch {
	case !ok:
	case !p.CanVote:
		m.fail(p.Label+" doesn't wait for your vote", "Enter shows it")
	case p.State == string(vote.StatusDisputed):
		m.status.tell(m.cfg.Now(), wording.Disputed(p, c.String()))
	default:
		m.hold(p, c)
	}
}

// showProof opens the certificate of the selected proposal.
func (m *model) showProof() {
	p, ok := m.proposals.Selected()
	if !ok {
		return
	}
	m.queueAction(func(context.Context) {
		_, data, err := m.deps.node.Proof(p.ID)
		if err != nil {
			m.deps.post(command.Fail{Text: err.Error(), Hint: "a certificate is there once it has passed"})
			return
		}
		m.deps.post(command.Info{Text: "Certificate of " + p.Label + "\n" + string(data) + "e saves it; p2pchat verify FILE checks it anywhere"})
	})
}

// saveProof saves the certificate of the selected proposal beside where the program was started.
func (m *model) saveProof() {
	if p, ok := m.proposals.Selected(); ok {
		m.runLine("/proof " + p.Label + " p2pchat-vote-" + p.ID[:min(len(p.ID), 8)] + ".json")
	}
}
