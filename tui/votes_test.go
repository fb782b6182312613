package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/votes"
	"chat.lan/p2pchat/vote"
)

// A test sets the votes of fakeNode.

func (n *fakeNode) Proposals() []event.Proposal { return n.proposals }
func (n *fakeNode) Policy() event.Policy        { return n.policy }

func (n *fakeNode) Preview(w vote.Draft) (event.Proposal, error) {
	return n.draft, errors.Join(n.noDraft, n.note("preview %s %s", w.Slot, w.Action))
}

func (n *fakeNode) Propose(w vote.Draft) (event.Proposal, error) {
	return n.draft, n.note("propose %s %s", w.Slot, w.Action)
}

func (n *fakeNode) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return event.Proposal{}, n.note("vote %s %s", ref, c)
}

func (n *fakeNode) Cancel(ref string) (event.Proposal, error) {
	return event.Proposal{}, n.note("withdraw %s", ref)
}

func (n *fakeNode) SetDisputed(ref string, on bool) (event.Proposal, error) {
	return event.Proposal{}, n.note("dispute %s %v", ref, on)
}

func (n *fakeNode) Certificate(ref string) (event.Proposal, []byte, error) {
	return event.Proposal{}, []byte("proof"), n.note("proof %s", ref)
}

func (n *fakeNode) Evidence(ref string) (event.Proposal, []byte, error) {
	return event.Proposal{}, []byte("evidence"), n.note("evidence %s", ref)
}

func (n *fakeNode) Unsigned(text string) error { return n.note("unsigned %s", text) }

func voterOf(p event.Peer) event.Voter {
	return event.Voter{Key: p.Key, ID: p.ID, Name: p.Name, Here: p.Present()}
}

// ballotPaper returns a proposal by dana with four voters.
func ballotPaper(w *world) event.Proposal {
	self := event.Voter{Key: w.node.self.Key, ID: w.node.self.ID, Name: "Alice", Here: true}
	dana := voterOf(peerOf("dana", noon))
	dana.Choice = vote.Approve
	bob := voterOf(peerOf("bob", noon))
	bob.Choice = vote.Reject
	return event.Proposal{ID: strings.Repeat("6a", 32), Number: 6, Label: "#6", Slot: "topic", Action: "freeze at 5", By: dana,
		State: "open", Yes: 1, No: 1, Need: 3, Roll: []event.Voter{dana, bob, voterOf(peerOf("eve", noon)), self},
		Time: w.clock, Closes: w.clock.Add(101 * time.Second), CanVote: true}
}

// election posts a vote that waits for an answer.
func election(w *world) event.Proposal {
	p := ballotPaper(w)
	w.post(event.ProposalChanged{Proposal: p})
	return p
}

// passed posts a vote that switched secure-only on.
func passed(w *world) event.Proposal {
	p := ballotPaper(w)
	p.ID, p.Number, p.Label, p.Slot, p.Action, p.CanVote = strings.Repeat("4b", 32), 4, "#4", "secure_only", "on", false
	p.Time = p.Time.Add(-time.Minute)
	w.post(event.ProposalChanged{Proposal: p})
	p.State, p.Yes, p.No = "passed", 3, 0
	w.post(event.ProposalChanged{Proposal: p, Was: "open"}, event.PolicyChanged{Policy: event.Policy{SecureOnly: true, Number: 4, Label: "#4"}})
	return p
}

// disputed posts a vote that leaves bob and us out.
func disputed(w *world) event.Proposal {
	p := ballotPaper(w)
	p.ID, p.Number, p.Label, p.Slot, p.Action, p.CanVote, p.State = strings.Repeat("7c", 32), 7, "#7", "secure_only", "on", false, "disputed"
	p.LeftOut = []event.Voter{p.Roll[1], p.Roll[3]}
	p.Roll, p.Need, p.No = p.Roll[:1], 1, 0
	w.post(event.ProposalChanged{Proposal: p})
	return p
}

func (n *fakeNode) did(what string) bool { return slices.Contains(n.calls, what) }

func TestBallotsCanBeUndone(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	p := election(w)
	approve, reject := "vote "+p.ID+" approve", "vote "+p.ID+" reject"
	w.keys("f1")
	w.pass(4 * time.Second)
	w.keys("esc")
	w.pass(time.Minute)
	if w.node.did(approve) {
		t.Fatal("signed although it was taken back")
	}
	w.keys("f2")
	w.pass(4 * time.Second)
	if w.node.did(reject) {
		t.Error("signed before 5 s were over")
	}
	w.pass(2 * time.Second)
	if !w.node.did(reject) || w.node.did(approve) {
		t.Errorf("after 5 s: %q", w.node.calls)
	}
}

func TestBallotsOnDecidedVotesAreNotSigned(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	p := election(w)
	w.keys("alt+y")
	p.State, p.CanVote = "passed", false
	w.post(event.ProposalChanged{Proposal: p, Was: "open"})
	w.pass(time.Minute)
	if w.node.did("vote " + p.ID + " approve") {
		t.Error("a ballot was signed on what is decided")
	}
}

func TestQuitSignsTheBallot(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	p := election(w)
	w.keys("f1", "/quit", "enter")
	if !w.node.did("vote "+p.ID+" approve") || !w.quit {
		t.Errorf("quit %v after %q", w.quit, w.node.calls)
	}
}

// F4 Enter Enter proposes secure-only, with its preview in between; Esc at any point sends nothing.
func TestProposing(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	w.node.draft = ballotPaper(w)
	w.keys("f4", "enter", "esc", "f4", "esc", "f4", "down", "enter")
	if slices.ContainsFunc(w.node.calls, func(c string) bool { return strings.HasPrefix(c, "propose") }) {
		t.Fatalf("proposed: %q", w.node.calls)
	}
	if got := w.m.current.Draft.Text(); got != "/topic " {
		t.Errorf("a topic is written in the composer: %q", got)
	}
	w.keys("tea at five", "enter")
	if !w.node.did("preview topic tea at five") {
		t.Errorf("%q", w.node.calls)
	}
	w.keys("enter")
	if !w.node.did("propose topic tea at five") {
		t.Errorf("%q", w.node.calls)
	}
	w.keys("f4", "enter", "enter")
	if !w.node.did("propose secure_only on") {
		t.Errorf("%q", w.node.calls)
	}
	w.post(event.PolicyChanged{Policy: event.Policy{SecureOnly: true, Label: "#1"}})
	w.keys("f4", "enter", "enter")
	if !w.node.did("propose secure_only off") {
		t.Errorf("%q", w.node.calls)
	}
}

// The banner's keys work beside the propose dialog, and its preview follows the peers that are here.
func TestBannerBesideThePreview(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	q := election(w)
	w.node.draft = ballotPaper(w)
	w.node.draft.Action = "lunch"
	w.keys("f4", "enter")
	w.mustShow("closes    1:41 after it is sent")
	w.mustNotShow("asks the same")
	w.node.draft.Action = q.Action
	gone := peerOf("bob", noon)
	gone.State = event.Left
	w.post(event.PeerChanged{Peer: gone})
	w.mustShow("bob left", "#6 by dana asks the same and is open")
	w.keys("f2")
	w.mustShow("your no is signed in 5 s")
	w.keys("f1", "esc")
	w.mustNotShow("is signed in")
	if !w.m.propose.open {
		t.Error("Esc does what the banner says first")
	}
	w.keys("f3")
	if w.m.propose.open || w.m.overlay.kind != overlayVote {
		t.Error("F3 shows who")
	}
	w.keys("f4", "enter", "esc")
	if w.m.propose.open {
		t.Error("then it closes")
	}
}

// A peer that was away learns who signed the policy. A peer that was here has seen the vote pass.
func TestPolicyLearnedLateNamesItsSigners(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	dana, bob := voterOf(peerOf("dana", noon)), voterOf(peerOf("bob", noon))
	on := event.Policy{SecureOnly: true, Label: "#4", Signed: []event.Voter{dana, bob}}
	w.post(event.PolicyChanged{History: true, Policy: on})
	w.mustShow("Secure-only is on since #4, signed by dana, bob: unsigned messages are refused")
	off := event.Policy{Label: "#5", Signed: []event.Voter{bob}, Topic: "tea"}
	w.post(event.PolicyChanged{History: true, Policy: off})
	w.mustShow("Secure-only is off since #5, signed by bob: unsigned messages are heard again")
	on.Label = "#6"
	w.post(event.PolicyChanged{Policy: on})
	w.mustNotShow("since #6")
}

// A ballot on a disputed vote takes a command.
func TestDisputedVotesTakeACommand(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	p := disputed(w)
	p.CanVote = true
	w.node.proposals = []event.Proposal{p}
	w.post(event.ProposalChanged{Proposal: p, Was: "disputed"})
	w.keys("f1", "f7", "a")
	w.pass(time.Minute)
	if w.node.did("vote " + p.ID + " approve") {
		t.Error("one key approved what is disputed")
	}
	w.keys("f8", "/vote #7 yes", "enter")
	w.pass(time.Minute)
	if !w.node.did("vote " + p.ID + " approve") {
		t.Errorf("%q", w.node.calls)
	}
}

func TestCertificate(t *testing.T) {
	t.Chdir(t.TempDir())
	w := newWorld(t, plain, 120, 36)
	company(w)
	p := passed(w)
	w.node.proposals = []event.Proposal{p}
	w.keys("f7", "c", "e")
	if !w.node.did("proof " + p.ID) {
		t.Errorf("%q", w.node.calls)
	}
	saved := command.Save{Path: "p2pchat-vote-4b4b4b4b.json"}
	if _, refused := saved.Write().(command.Fail); !refused {
		t.Error("e saved nothing")
	}
}

// The bell rings once for a new vote, and not for votes of the history.
func TestVotesRing(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	w.pass(bellEvery)
	before := w.terminal.bells
	p := election(w)
	w.post(event.ProposalChanged{Proposal: p, Was: "open"})
	old := p
	old.ID = strings.Repeat("5d", 32)
	w.post(event.ProposalChanged{Proposal: old, History: true})
	if got := w.terminal.bells - before; got != 1 {
		t.Errorf("it rang %d times", got)
	}
}

// The bar shows the room's topic, where it has room.
func TestTopicIsInTheBar(t *testing.T) {
	for _, size := range [][2]int{{40, 11}, {60, 20}, {80, 24}, {120, 36}} {
		w := newWorld(t, plain, size[0], size[1])
		company(w)
		w.post(event.PolicyChanged{Policy: event.Policy{Topic: "freeze\x1b[31m at 5", TopicLabel: "#6"}})
		bar := w.rows()[0]
		if got := strings.Contains(bar, `"freeze at 5"`); got != (size[0] >= 80) {
			t.Errorf("at %d cells the topic's being there is %v: %q", size[0], got, bar)
		}
		if !strings.Contains(bar, "#lobby") || !strings.Contains(bar, "✓") || size[0] >= 60 && !strings.Contains(bar, "12:54") {
			t.Errorf("at %d cells the bar lost something: %q", size[0], bar)
		}
	}
}

// A preview that comes after the dialog was closed isn't shown, and one that failed can be asked for again.
func TestPreviewThatComesLate(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.node.draft = ballotPaper(w)
	for _, key := range []string{"f4", "enter", "enter", "esc"} {
		w.m.Update(keyNames[key]) // orders wait
	}
	if n := len(w.orders); n != 1 {
		t.Errorf("%d previews were asked for, want one", n)
	}
	w.post()
	if w.m.overlay.isOpen() || w.m.propose.open {
		t.Error("it came after all")
	}

	w.node.noDraft = errors.New("no one else is here")
	w.keys("f4", "enter")
	w.mustShow("✗ no one else is here", "Up Down choose")
	w.node.noDraft = nil
	w.keys("enter")
	w.mustShow("Enter sends it")
}

// Enter sends the preview that is shown, also while it is refreshed.
func TestEnterWhileThePreviewIsRefreshed(t *testing.T) {
	w := newWorld(t, plain, 80, 24)
	company(w)
	w.node.draft = ballotPaper(w)
	w.keys("f4", "enter")
	gone := peerOf("bob", noon)
	gone.State = event.Left
	w.m.Update(event.Batch{event.PeerChanged{Peer: gone}}) // orders wait
	w.m.Update(keyNames["enter"])
	w.post()
	if !slices.ContainsFunc(w.node.calls, func(c string) bool { return strings.HasPrefix(c, "propose") }) {
		t.Errorf("nothing was proposed: %q", w.node.calls)
	}
	if w.m.propose.open {
		t.Error("the preview came again")
	}
}

// Answering the next vote signs the ballot on the vote before.
func TestNextAnswerSignsTheBallotBefore(t *testing.T) {
	w := newWorld(t, plain, 120, 36)
	company(w)
	first := election(w)
	second := first
	second.ID, second.Number, second.Label = strings.Repeat("8d", 32), 8, "#8"
	w.node.proposals = []event.Proposal{first, second}
	w.post(event.ProposalChanged{Proposal: second})
	w.keys("f1")
	if slices.ContainsFunc(w.node.calls, func(c string) bool { return strings.HasPrefix(c, "vote") }) {
		t.Fatalf("signed at once: %q", w.node.calls)
	}
	w.keys("/vote #8 no", "enter")
	if !w.node.did("vote " + first.ID + " approve") {
		t.Errorf("the first answer was not signed: %q", w.node.calls)
	}
	w.pass(votes.UndoDelay)
	if !w.node.did("vote " + second.ID + " reject") {
		t.Errorf("the second answer was not signed: %q", w.node.calls)
	}
}
