package votes_test

import (
	"bytes"
	"strings"
	"testing"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/vote"
)

var secureOnly = vote.Draft{Slot: vote.SecureOnly, Action: vote.On}

// decide has the first two voters switch secure-only on, and returns the proposal's label.
func decide(t *testing.T, vs []*voter) string {
	t.Helper()
	p, err := vs[0].Propose(secureOnly)
	if err != nil {
		t.Fatal(err)
	}
	exchange(vs)
	if _, err := vs[1].Vote(p.Label, vote.Approve); err != nil {
		t.Fatal(err)
	}
	exchange(vs)
	return p.Label
}

// A proposal is reported before its ballots, a ballot before what came of it, and then the policy.
func TestEventsOfAVote(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, _ *group.Group, vs []*voter) {
		label := decide(t, vs)
		var got []string
		for _, ev := range received[event.Event](vs[2]) {
			switch ev := ev.(type) {
			case event.ProposalChanged:
				got = append(got, "proposal "+string(ev.Proposal.State))
			case event.BallotCast:
				got = append(got, "ballot")
			case event.PolicyChanged:
				got = append(got, "policy")
			}
		}
		if all := strings.Join(got, ", "); all != "proposal open, ballot, proposal open, ballot, proposal passed, policy" {
			t.Errorf("reported %s", all)
		}
		for _, v := range vs {
			p := v.lastProposal(label)
			if p.State != vote.StatusPassed || p.Yes != 2 || p.Need != 2 || len(p.Roll) != 3 || p.CanVote {
				t.Errorf("%+v", p)
			}
			policy := v.Policy()
			if l, on := v.SecureOnly(); !on || l != label || !policy.SecureOnly || policy.Number != 1 || len(policy.Signed) != 2 {
				t.Errorf("%s, %+v", l, policy)
			}
			if n := v.room.mu.changes; n != 1 {
				t.Errorf("%d changes of the policy", n)
			}
		}
		if vs[0].WirePolicy().By == "" || *vs[0].WirePolicy() != *vs[1].WirePolicy() {
			t.Errorf("%+v and %+v", vs[0].WirePolicy(), vs[1].WirePolicy())
		}
	})
}

// A proposal that leaves out a peer that was linked for long is disputed, here and after a restart.
func TestLeftOut(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, g *group.Group, vs []*voter) {
		a, b := vs[0], vs[1]
		a.room.mu.voters = a.room.mu.voters[:2]
		b.room.mu.linked = append(b.room.mu.linked, vs[2].key)
		label := decide(t, vs[:2])
		got := b.lastProposal(label)
		if _, on := b.SecureOnly(); on || got.State != vote.StatusDisputed || len(got.LeftOut) != 1 || got.LeftOut[0].Key != vs[2].key {
			t.Errorf("%+v", got)
		}
		again := newVoter(t, g, 1, 3, b.store)
		if _, on := again.SecureOnly(); on || len(again.Proposals()) != 1 {
			t.Error("the dispute was forgotten")
		}
		if _, err := b.SetDisputed(label, false); err != nil {
			t.Fatal(err)
		}
		if _, on := b.SecureOnly(); !on || len(b.lastProposal(label).LeftOut) != 0 {
			t.Error("accepting it changes nothing")
		}
		again = newVoter(t, g, 1, 3, b.store)
		if _, on := again.SecureOnly(); !on {
			t.Error("accepting it was forgotten")
		}
	})
}

// A key that signs both choices is reported, and the evidence is a file that anyone can check.
func TestEvidence(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, g *group.Group, vs []*voter) {
		a, b := vs[0], vs[1]
		if _, err := a.Propose(secureOnly); err != nil {
			t.Fatal(err)
		}
		exchange(vs)
		if _, _, err := a.Evidence("#1"); err == nil {
			t.Error("evidence before anyone voted twice")
		}
		other := newVoter(t, g, 1, 3, store.NewMem(lobby, 0)) // the same key on another machine
		other.LinkUp(a.key, nil)
		catchUp(other, a)
		if _, err := b.Vote("#1", vote.Approve); err != nil {
			t.Fatal(err)
		}
		if _, err := other.Vote("#1", vote.Reject); err != nil {
			t.Fatal(err)
		}
		for _, rec := range append(b.room.mu.forwarded, other.room.mu.forwarded...) {
			a.TakeLive(b.key, rec)
		}
		twice := 0
		for _, ev := range received[event.BallotCast](a) {
			if ev.Twice && ev.By.Key == b.key {
				twice++
			}
		}
		_, data, err := a.Evidence("#1")
		if err != nil || twice != 1 {
			t.Fatalf("%v, reported %d times", err, twice)
		}
		if c, err := votes.ReadCertificate(bytes.NewReader(data)); err != nil || c.Equivocator != b.key {
			t.Errorf("%v, %v", err, c)
		}
		if _, data, err := a.Certificate("#1"); err != nil {
			t.Error(err)
		} else if c, err := votes.ReadCertificate(bytes.NewReader(data)); err != nil || len(c.Approvals) != 2 {
			t.Errorf("%v, %v", err, c)
		}
	})
}

// A ballot of an outsider is refused, and isn't handed on.
func TestRefusedVotes(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		a := vs[0]
		p, err := a.Propose(secureOnly)
		if err != nil {
			t.Fatal(err)
		}
		a.room.mu.forwarded = nil
		id, err := vote.ParseID(p.ID)
		if err != nil {
			t.Fatal(err)
		}
		data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Choice: vote.Approve})
		if err != nil {
			t.Fatal(err)
		}
		rec, err := record.Sign(person(44), record.Body{Room: lobby, Kind: record.KindBallot, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		a.TakeLive(vs[1].key, rec)
		if len(a.room.mu.refused) != 1 || len(a.room.mu.forwarded) != 0 || a.Proposals()[0].Yes != 1 {
			t.Errorf("refused %q, %d handed on", a.room.mu.refused, len(a.room.mu.forwarded))
		}
	})
}
