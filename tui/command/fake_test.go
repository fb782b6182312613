package command

import (
	"errors"
	"fmt"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/tui/roster"
	"chat.lan/p2pchat/vote"
)

// fakeNode notes what it is asked for.
type fakeNode struct {
	LocalPeer // Export and WhoHas, which only exportNode has

	self      event.Self
	peers     []event.Peer
	proposals []event.Proposal
	network   event.Network
	calls     []string
	fails     bool
}

func (f *fakeNode) call(format string, args ...any) error {
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	if f.fails {
		return errors.New("it can't be done")
	}
	return nil
}

func (f *fakeNode) Self() event.Self    { return f.self }
func (f *fakeNode) Peers() []event.Peer { return f.peers }
func (f *fakeNode) Status() event.Status {
	return event.Status{Self: f.self, Peers: len(f.peers), Network: f.network, Discovery: len(f.network.Interfaces) > 0}
}
func (f *fakeNode) Say(s string) error              { return f.call("say %q", s) }
func (f *fakeNode) Me(s string) error               { return f.call("me %q", s) }
func (f *fakeNode) Nick(s string) error             { return f.call("nick %q", s) }
func (f *fakeNode) Connect(s string) error          { return f.call("connect %s", s) }
func (f *fakeNode) Disconnect(id string) error      { return f.call("disconnect %s", id) }
func (f *fakeNode) Ignore(id string, on bool) error { return f.call("ignore %s %v", id, on) }
func (f *fakeNode) Verify(id string, on bool) error { return f.call("verify %s %v", id, on) }
func (f *fakeNode) Trust(id string, on bool) error  { return f.call("trust %s %v", id, on) }

func (f *fakeNode) Proposals() []event.Proposal { return f.proposals }
func (f *fakeNode) Policy() event.Policy        { return event.Policy{Topic: "tea", TopicLabel: "#2"} }

func (f *fakeNode) Preview(w vote.Draft) (event.Proposal, error) {
	return event.Proposal{}, f.call("preview %+v", w)
}

func (f *fakeNode) Propose(w vote.Draft) (event.Proposal, error) {
	return event.Proposal{}, f.call("propose %s %q need %d for %v note %q", w.Slot, w.Action, w.Need, w.Duration, w.Note)
}

func (f *fakeNode) Vote(ref string, c vote.Choice) (event.Proposal, error) {
	return event.Proposal{}, f.call("vote %.8s %s", ref, c)
}

func (f *fakeNode) Cancel(ref string) (event.Proposal, error) {
	return event.Proposal{}, f.call("withdraw %s", ref)
}

func (f *fakeNode) SetDisputed(ref string, on bool) (event.Proposal, error) {
	return event.Proposal{}, f.call("dispute %.8s %v", ref, on)
}

func (f *fakeNode) Certificate(ref string) (event.Proposal, []byte, error) {
	return event.Proposal{}, []byte("proof"), f.call("proof %.8s", ref)
}

func (f *fakeNode) Evidence(ref string) (event.Proposal, []byte, error) {
	return event.Proposal{}, []byte("evidence"), f.call("evidence %.8s", ref)
}

func (f *fakeNode) Unsigned(text string) error { return f.call("unsigned %q", text) }

type fakeLog []string

func (fakeLog) Path() string                   { return "/home/alice/log" }
func (l fakeLog) Tail(n int) ([]string, error) { return l[max(len(l)-n, 0):], nil }

func testKey(n byte) identity.Key { return identity.FromSeed([32]byte{n}).Key() }

func person(n byte, name string) event.Peer {
	k := testKey(n)
	return event.Peer{ID: k.ID().String(), Key: k, Name: name, Kind: event.KindNative, State: event.Up}
}

// world is a room with alice (self), two bobs, Carol Yes, rusty who has no key, and dora, who left.
type world struct {
	node    *fakeNode
	table   *Table
	env     Env
	answers []Answer
}

func newWorld() *world {
	self := person(1, "alice")
	rusty := event.Peer{ID: "6b1f0000-1111-4222-8333-444455556666", Name: "rusty", Kind: event.KindJSON, State: event.Up}
	dora := person(5, "dora")
	dora.State = event.Left
	w := &world{table: New(), node: &fakeNode{
		self: event.Self{ID: self.ID, Key: self.Key, Name: "alice", Room: "lobby", Port: 8080,
			Fingerprint: self.Key.Fingerprint(), Profile: "/home/alice"},
		peers: []event.Peer{person(2, "bob"), person(3, "Bob"), person(4, "Carol Yes"), rusty, dora},
	}}
	var book roster.Roster
	book.NotePeer(event.Peer{ID: self.ID, Key: self.Key, Name: "alice"})
	for _, p := range w.node.peers {
		book.NotePeer(p)
	}
	w.env = Env{Node: w.node, Roster: &book, Log: fakeLog{"one", "two"},
		Reply: func(a Answer) { w.answers = append(w.answers, a) }}
	return w
}

// do runs one line and returns what the node was asked and what was answered.
func (w *world) do(line string) (calls []string, answers []Answer) {
	w.node.calls, w.answers = nil, nil
	w.table.Run(w.env, w.table.Parse(line))
	return w.node.calls, w.answers
}

// isFail reports whether the only answer is a Fail.
func isFail(answers []Answer) bool {
	if len(answers) != 1 {
		return false
	}
	_, ok := answers[0].(Fail)
	return ok
}
