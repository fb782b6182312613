package votes_test

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// A peer that claims votes and doesn't send them is asked once.
func TestAFalseClaimIsAskedOnce(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a, peer := vs[0], vs[1].key
		a.LinkUp(peer, &wire.Policy{Votes: "other"})
		a.TakePage(peer, []wire.HeldVotes{{Proposal: strings.Repeat("ab", 32), Bits: []byte{1}}}, true)
		a.EndPages(peer)
		for range 5 {
			a.TakeAnswer(peer, nil, true)
		}
		if n := len(a.room.wants()); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// An answer that never ends is taken after the eighth frame, and isn't held for longer.
func TestAnAnswerWithoutEnd(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a, b := vs[0], vs[1]
		if _, err := b.Propose(secureOnly); err != nil {
			t.Fatal(err)
		}
		a.LinkUp(b.key, b.WirePolicy())
		recs := b.room.mu.forwarded
		for i := range votes.AnswerFrames {
			if len(a.Proposals()) != 0 {
				t.Errorf("taken after %d frames", i)
			}
			a.TakeAnswer(b.key, recs, false)
		}
		if len(a.Proposals()) != 1 {
			t.Errorf("%d proposals were taken", len(a.Proposals()))
		}
	})
}

// A member that comes later asks for what it lacks, and takes it as history. Nothing of it is handed on.
func TestCatchUp(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, g *group.Group, vs []*voter) {
		decide(t, vs)
		late := newVoter(t, g, 2, 3, store.NewMem(lobby, 0))
		late.LinkUp(vs[0].key, vs[0].WirePolicy())
		if late.room.mu.known != 0 {
			t.Error("the policy is known before the votes are")
		}
		if n := catchUp(late, vs[0]); n != 1 || late.Hash() != vs[0].Hash() {
			t.Errorf("%d questions; hash %s, want %s", n, late.Hash(), vs[0].Hash())
		}
		if late.room.mu.known != 1 || len(late.room.mu.forwarded) != 0 || len(late.room.mu.authors) != 3 {
			t.Errorf("known %d, %d handed on, %d authors", late.room.mu.known, len(late.room.mu.forwarded), len(late.room.mu.authors))
		}
		for _, ev := range received[event.BallotCast](late) {
			if !ev.History {
				t.Errorf("reported as new: %+v", ev)
			}
		}
		changes := received[event.PolicyChanged](late)
		if len(changes) != 1 || !changes[0].History || !changes[0].Policy.SecureOnly {
			t.Errorf("%+v", changes)
		}
		if n := catchUp(late, vs[0]); n != 0 {
			t.Errorf("%d questions when nothing is missing", n)
		}
	})
}

// Malformed pages are refused, and so are those of a peer without a link ignored.
func TestMalformedPages(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a, peer := vs[0], vs[1].key
		good := []wire.HeldVotes{{Proposal: strings.Repeat("ab", 32), Bits: []byte{1}}}
		a.LinkUp(peer, nil)
		a.TakePage(peer, []wire.HeldVotes{{Proposal: "nonsense"}}, true)
		a.TakePage(peer, []wire.HeldVotes{{Proposal: good[0].Proposal, Bits: make([]byte, 100)}}, false)
		a.EndPages(peer)
		if n := len(a.room.wants()); n != 0 || strings.Join(a.room.mu.refused, "|") != "malformed frontier|malformed frontier" {
			t.Errorf("%d questions, refused %q", n, a.room.mu.refused)
		}
		a.TakePage(peer, good, true)
		a.TakePage(peer, nil, true) // a new frontier begins
		a.EndPages(peer)
		if n := len(a.room.wants()); n != 0 {
			t.Errorf("%d questions", n)
		}
		if got := a.ListRequested([]wire.HeldVotes{{Proposal: "nonsense"}}); got != nil {
			t.Errorf("%d records for nonsense", len(got))
		}
	})
}

// Peers with the same records and another policy dispute other proposals. That is reported once per link and
// change.
func TestDiffers(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a, b := vs[0], vs[1]
		label := decide(t, vs)
		if _, err := b.SetDisputed(label, true); err != nil {
			t.Fatal(err)
		}
		if _, on := b.SecureOnly(); on || a.Hash() != b.Hash() {
			t.Fatal("a dispute changes the records, or not the policy")
		}
		b.LinkUp(a.key, a.WirePolicy())
		for range 3 {
			catchUp(b, a)
		}
		a.LinkUp(b.key, b.WirePolicy())
		theirs, ours := received[event.Differs](b), received[event.Differs](a)
		if len(theirs) != 1 || !theirs[0].SecureOnly || theirs[0].Label != label || theirs[0].Peer.Key != a.key {
			t.Errorf("b: %+v", theirs)
		}
		if len(ours) != 1 || ours[0].SecureOnly || ours[0].Label != label {
			t.Errorf("a: %+v", ours)
		}
		if p, err := b.SetDisputed(label, false); err != nil || p.State != vote.StatusPassed {
			t.Errorf("%v, %+v", err, p)
		}
		catchUp(b, a)
		if n := len(received[event.Differs](b)); n != 1 {
			t.Errorf("%d reports once the policies are equal", n)
		}
	})
}

// A policy that no peer tells counts as known three seconds after the first link.
func TestPolicyKnownInTheEnd(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a := vs[0]
		pass(time.Minute)
		a.Tick()
		if a.room.mu.known != 0 {
			t.Error("known without any link")
		}
		a.LinkUp(vs[1].key, &wire.Policy{Votes: "other"})
		pass(3*time.Second - time.Millisecond)
		a.Tick()
		if a.room.mu.known != 0 {
			t.Error("known too early")
		}
		pass(time.Millisecond)
		a.Tick()
		a.Tick()
		gates := received[event.Gate](a)
		if a.room.mu.known != 1 || len(gates) != 1 || !gates[0].Open || gates[0].Reason != "policy not yet known" {
			t.Errorf("known %d times, %+v", a.room.mu.known, gates)
		}
	})
}
