package conversation

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/vote"
)

// proposal returns an open proposal of dana's that waits for Alice's ballot.
func (r *room) proposal(id, label string) event.Proposal {
	voter := func(name string) event.Voter {
		p := peerOf(name)
		return event.Voter{ID: p.ID, Key: p.Key, Name: name, Here: true}
	}
	return event.Proposal{ID: id, Label: label, Slot: "topic", Action: "freeze at 5", By: voter("dana"), State: "open", Yes: 1, Need: 2,
		Roll: []event.Voter{voter("dana"), voter("bob"), voter("Alice")}, Time: r.clock, Closes: r.clock.Add(time.Minute), CanVote: true}
}

func (r *room) banner() string {
	return ansi.Strip(strings.Join(r.c.Voting.BannerRows(120), "\n"))
}

func TestABallotIsSignedAfterItCouldBeUndone(t *testing.T) {
	r := newRoom(t)
	r.post(event.ProposalChanged{Proposal: r.proposal("p", "#6")})
	r.c.Voting.Answer(vote.Approve)
	r.pass(votes.UndoDelay - time.Second)
	r.mustHaveCalled("vote")
	if !r.c.Voting.Undo() || r.c.Voting.Undo() {
		t.Error("it can be undone once")
	}
	r.pass(time.Minute / 4)
	r.mustHaveCalled("vote")
	r.c.Voting.Answer(vote.Reject)
	r.pass(votes.UndoDelay)
	r.mustHaveCalled("vote", "vote p reject")
}

func TestTheNextBallotSignsTheOneBefore(t *testing.T) {
	r := newRoom(t)
	first, second := r.proposal("first", "#6"), r.proposal("second", "#7")
	r.post(event.ProposalChanged{Proposal: first}, event.ProposalChanged{Proposal: second})
	r.c.Voting.Choose(first, vote.Approve)
	r.c.Voting.Choose(first, vote.Reject) // a change of mind signs nothing
	r.update()
	r.mustHaveCalled("vote")
	r.c.Voting.Choose(second, vote.Approve)
	r.update()
	r.mustHaveCalled("vote", "vote first reject")
	r.c.Voting.Sign()
	r.update()
	r.mustHaveCalled("vote", "vote second approve")
}

func TestABallotOnADecidedVoteIsNotSigned(t *testing.T) {
	r := newRoom(t)
	p := r.proposal("p", "#6")
	r.post(event.ProposalChanged{Proposal: p})
	r.c.Voting.Answer(vote.Approve)
	p.State, p.CanVote = "passed", false
	r.post(event.ProposalChanged{Proposal: p, Was: "open"})
	r.pass(time.Minute / 2)
	r.mustHaveCalled("vote")
	r.mustShow("#6 PASSED")
}

func TestABallotThatTheNodeRefuses(t *testing.T) {
	r := newRoom(t)
	r.node.voteErr = errors.New("the vote is over")
	r.c.Voting.Choose(r.proposal("p", "#6"), vote.Approve)
	r.c.Voting.Sign()
	r.update()
	if r.status != "the vote is over" {
		t.Errorf("the status line says %q", r.status)
	}
}

func TestAnswersWithoutAQuestion(t *testing.T) {
	r := newRoom(t)
	r.c.Voting.Answer(vote.Approve)
	if !strings.HasPrefix(r.status, "Nothing waits for your vote") {
		t.Errorf("the status line says %q", r.status)
	}
	p := r.proposal("p", "#6")
	p.State = "disputed"
	p.LeftOut = p.Roll[1:2]
	r.post(event.ProposalChanged{Proposal: p})
	r.mustShow("#6 leaves out bob")
	for _, answer := range []func(vote.Choice){r.c.Voting.Answer, r.c.Voting.AnswerSelected} {
		r.status = ""
		answer(vote.Approve)
		if !strings.Contains(r.status, "#6 is disputed: /vote #6 yes") {
			t.Errorf("the status line says %q", r.status)
		}
	}
	p.State, p.CanVote = "rejected", false
	r.post(event.ProposalChanged{Proposal: p, Was: "disputed"})
	r.c.Voting.AnswerSelected(vote.Approve)
	if !strings.Contains(r.status, "doesn't wait for your vote") {
		t.Errorf("the status line says %q", r.status)
	}
	r.pass(time.Minute / 2)
	r.mustHaveCalled("vote")
}

func TestProposalsRing(t *testing.T) {
	r := newRoom(t)
	r.post(event.ProposalChanged{Proposal: r.proposal("p", "#6")})
	old := r.proposal("q", "#7")
	r.post(event.ProposalChanged{Proposal: old, History: true})
	r.settings.Bell = BellOff
	r.post(event.ProposalChanged{Proposal: r.proposal("s", "#8")})
	if r.bells != 1 {
		t.Errorf("%d bells, want one for #6", r.bells)
	}
	if got := r.banner(); !strings.Contains(got, "#") || !strings.Contains(got, "F1 yes") {
		t.Errorf("the banner is %q", got)
	}
	r.mustShow("dana proposed #6", "dana proposed #8")
	r.mustNotShow("dana proposed #7")
}

func TestPolicyChangesAreReported(t *testing.T) {
	r := newRoom(t)
	signed := []event.Voter{}
	for _, name := range []string{"bob", "dana", "eve", "fay", "gus", "hal", "ida"} {
		p := peerOf(name)
		signed = append(signed, event.Voter{ID: p.ID, Key: p.Key, Name: name})
	}
	r.post(event.PolicyChanged{Policy: event.Policy{SecureOnly: true, Label: "#4", Signed: signed}, History: true})
	r.mustShow("Secure-only is on since #4, signed by bob, dana, eve, fay, gus, 2 more")
	r.post(event.PolicyChanged{Policy: event.Policy{Label: "#9", Topic: "lunch"}, First: true})
	r.mustShow("Secure-only is off since #9: unsigned messages are heard again")
	if got := r.c.Voting.Policy().Topic; got != "lunch" {
		t.Errorf("the topic is %q", got)
	}
}

func TestDisagreementIsReported(t *testing.T) {
	r := newRoom(t)
	bob := peerOf("bob")
	r.join(bob)
	p := r.proposal("p", "#6")
	r.post(event.BallotCast{Proposal: p, By: event.Voter{ID: bob.ID, Key: bob.Key, Name: "bob"}, Twice: true},
		event.Differs{Peer: bob}, event.Differs{Peer: bob, Label: "#6"}, event.Differs{Peer: bob, Label: "#6", SecureOnly: true},
		event.Gate{Reason: "unsigned messages wait for the policy"})
	r.mustShow("bob voted twice on #6", "bob applies other votes than you", "bob doesn't apply vote #6, you do", "bob applies vote #6, you don't",
		"unsigned messages wait for the policy")
}
