package lines

import (
	"errors"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/command"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/vote"
)

// fakeVotes is a room in which nothing was proposed yet, and a proof of nothing.
type fakeVotes struct {
	command.LocalPeer // methods that no test calls
}

var errNoVotes = errors.New("no votes here")

func (fakeVotes) Proposals() []event.Proposal                { return nil }
func (fakeVotes) Policy() event.Policy                       { return event.Policy{} }
func (fakeVotes) Preview(vote.Draft) (event.Proposal, error) { return event.Proposal{}, errNoVotes }
func (fakeVotes) Propose(vote.Draft) (event.Proposal, error) { return event.Proposal{}, errNoVotes }
func (fakeVotes) Vote(string, vote.Choice) (event.Proposal, error) {
	return event.Proposal{}, errNoVotes
}
func (fakeVotes) Cancel(string) (event.Proposal, error) { return event.Proposal{}, errNoVotes }
func (fakeVotes) SetDisputed(string, bool) (event.Proposal, error) {
	return event.Proposal{}, errNoVotes
}
func (fakeVotes) Certificate(string) (event.Proposal, []byte, error) {
	return event.Proposal{}, nil, errNoVotes
}
func (fakeVotes) Evidence(string) (event.Proposal, []byte, error) {
	return event.Proposal{}, nil, errNoVotes
}
func (fakeVotes) Unsigned(string) error { return errNoVotes }

// story is a vote that two of three pass, one of them twice.
func story() []event.Event {
	alice, bob, carol := voterOf("Alice", 1), voterOf("Bob", 2), voterOf("Carol\x1b[31m", 3)
	p := event.Proposal{ID: strings.Repeat("a", 64), Number: 4, Label: "#4", Slot: "secure_only", Action: "on", Note: "spam\u202e",
		By: alice, State: "open", Yes: 1, Need: 2, Roll: []event.Voter{alice, bob, carol}, Closes: time.UnixMilli(1_790_000_180_000)}
	p.Roll[0].Choice = vote.Approve
	first := p
	p.Yes, p.State = 2, "passed"
	left := event.Proposal{ID: strings.Repeat("b", 64), Number: 5, Label: "#5", Slot: "topic", Action: "tea", By: carol, State: "disputed",
		Yes: 1, Need: 1, Roll: []event.Voter{carol}, LeftOut: []event.Voter{alice, bob, voterOf("Dora", 4)}}
	off := p
	off.ID, off.Label, off.Action, off.Idle = strings.Repeat("c", 64), "#6", "off", true
	off.Ends = []event.Ending{{Label: "#4", Need: 2, Have: 1}}
	ended := p
	ended.State = "expired"
	return []event.Event{
		event.PolicyChanged{First: true},
		event.ProposalChanged{Proposal: first},
		event.BallotCast{Proposal: first, By: alice, Choice: vote.Approve},
		event.BallotCast{Proposal: p, By: bob, Choice: vote.Approve},
		event.ProposalChanged{Proposal: p, Was: "open"},
		event.PolicyChanged{Policy: event.Policy{SecureOnly: true, Number: 4, Label: "#4"}},
		event.BallotCast{Proposal: p, By: carol, Choice: vote.Reject},
		event.BallotCast{Proposal: p, By: bob, Choice: vote.Reject, Twice: true},
		event.BallotCast{Proposal: p, By: voterOf("Eve", 5), Choice: vote.Approve, History: true},
		event.ProposalChanged{Proposal: left},
		event.ProposalChanged{Proposal: ended, Was: "open"},
		event.Differs{Peer: event.Peer{ID: "x", Key: bob.Key, Name: "Bob"}, SecureOnly: true, Label: "#9"},
		event.Differs{Peer: event.Peer{ID: "x", Key: bob.Key, Name: "Bob"}, Label: "#4"},
		event.PolicyChanged{Policy: event.Policy{SecureOnly: true, Number: 4, Label: "#4", Topic: "tea", TopicLabel: "#5"}},
		event.ProposalChanged{Proposal: off, Was: "open"},
		event.PolicyChanged{Policy: event.Policy{Topic: "tea", TopicLabel: "#5"}},
		event.PolicyChanged{History: true, Policy: event.Policy{SecureOnly: true, Label: "#7", Signed: []event.Voter{alice, bob}}},
		event.PolicyChanged{History: true, Policy: event.Policy{Label: "#8", Signed: []event.Voter{carol, voterOf("Frida", 6)}}},
		event.Gate{Reason: "policy not yet known"},
	}
}

func voterOf(name string, n byte) event.Voter {
	p := person(n, name)
	return event.Voter{Key: p.Key, ID: p.ID, Name: name}
}

// tell is what a view writes for the story and then for /proposals of a room without any.
func tell(v view, o *output, names *roster.Roster) (stdout, stderr string) {
	for _, ev := range story() {
		v.event(ev, note(names, ev))
	}
	v.answer(command.Proposals{})
	for _, c := range o.queue {
		if c.errs {
			stderr += string(c.text)
		} else {
			stdout += string(c.text)
		}
	}
	return stdout, stderr
}

func TestVotesInLines(t *testing.T) {
	o, names := newOutput(Config{}), new(roster.Roster)
	out, errs := tell(start0(o, names), o, names)
	want := `🔐 Alice proposed #4: secure-only on · needs 2 of 3 · spam
🗳️ Alice approved #4 (1 of 2 needed)
🗳️ Bob approved #4 (2 of 2 needed)
🔐 #4 PASSED 2 of 3: secure-only on
🔐 Secure-only is on (#4): unsigned messages are refused
🗳️ Carol rejected #4 (0 against)
🔐 Carol proposed #5: topic "tea" · needs 1 of 1
🔐 #5 leaves out Alice, Bob, Dora: it does not count here until /accept #5
🔐 #4 EXPIRED, undecided: secure-only on
🔐 Bob applies vote #9, you don't · /accept #9 to apply it too
🔐 Bob doesn't apply vote #4, you do · /refuse #4 to stop
🔐 #6 PASSED 2 of 3: secure-only off · #4 stays on: 1 of the 2 approvals that it takes by those who switched it on
🔐 Secure-only is off: unsigned messages are heard
🔐 Secure-only is on (#7, signed by Alice, Bob): unsigned messages are refused
🔐 Secure-only is off (#8, signed by Carol, Frida): unsigned messages are heard
🔐 policy not yet known
🗳️ No proposals yet: /propose begins one
🔐 Secure-only is off: unsigned messages are heard
`
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if !strings.Contains(errs, "Bob voted twice on #4") {
		t.Errorf("stderr %q", errs)
	}
}

func TestVotesInJSON(t *testing.T) {
	o, names := newOutput(Config{JSON: true}), new(roster.Roster)
	out, _ := tell(&jsonView{out: o}, o, names)
	for _, want := range []string{
		`{"event":"policy","slot":"secure_only","value":"off"}`,
		`"event":"proposal","number":4,"label":"#4"`, `"state":"passed"`, `"yes":2,"no":0,"need":2,"of":3`,
		`{"event":"ballot","number":4,"label":"#4","id":"aaaa`, `"choice":"approve"`, `"twice":true`, `"history":true`,
		`{"event":"policy","slot":"secure_only","value":"on","number":4,"label":"#4"}`,
		`"left_out":[{`, `"label":"#9"`, `{"event":"gate","open":false,"text":"policy not yet known"}`,
		`{"event":"proposals","proposals":[],"policy":[{"slot":"secure_only","value":"off"}]}`,
		`Carol\u001b[31m`, `spam\u202e`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %s\n%s", want, out)
		}
	}
}

// An approval that wasn't needed any more is not counted against what was.
func TestAnApprovalTooMany(t *testing.T) {
	o, names := newOutput(Config{}), new(roster.Roster)
	v := start0(o, names)
	ev := event.BallotCast{Proposal: event.Proposal{Label: "#4", Yes: 3, Need: 2}, By: voterOf("Carol", 3), Choice: vote.Approve}
	v.event(ev, note(names, ev))
	var out strings.Builder
	for _, c := range o.queue {
		out.Write(c.text)
	}
	if want := "🗳️ Carol approved #4 (3 approvals, 2 needed)\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
