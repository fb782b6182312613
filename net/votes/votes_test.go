package votes_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/store"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
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
			if n := len(v.room.mu.policies); n != 1 {
				t.Errorf("%d changes of the policy", n)
			}
		}
		if vs[0].WirePolicy().By == "" || *vs[0].WirePolicy() != *vs[1].WirePolicy() {
			t.Errorf("%+v and %+v", vs[0].WirePolicy(), vs[1].WirePolicy())
		}
	})
}

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
		if len(a.Proposals()) != 1 || a.room.mu.caughtUp != 0 {
			t.Errorf("%d proposals were taken; caught up %d times", len(a.Proposals()), a.room.mu.caughtUp)
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
		if late.room.mu.known != 1 || late.room.mu.caughtUp != 1 || len(late.room.mu.forwarded) != 0 || len(late.room.mu.authors) != 3 {
			t.Errorf("known %d, caught up %d, %d handed on, %d authors", late.room.mu.known, late.room.mu.caughtUp, len(late.room.mu.forwarded), len(late.room.mu.authors))
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
		a.TakePage(peer, good, true)
		a.TakeAnswer(peer, nil, true)
		a.EndPages(peer)
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
		a.TakePage(peer, good, true)
		a.LinkDown(peer)
		a.EndPages(peer)
		if n := len(a.room.wants()); n != 0 || a.room.mu.caughtUp != 0 {
			t.Errorf("%d questions, caught up %d times", n, a.room.mu.caughtUp)
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

// slowStore is a store whose Sync takes a while, or fails.
type slowStore struct {
	store.Store
	wait time.Duration
	err  error
	sync func()
}

func (s *slowStore) Sync(ctx context.Context) error {
	time.Sleep(s.wait)
	if s.sync != nil {
		s.sync()
	}
	return s.err
}

// A ballot is on disk before it counts or is sent. One that can't be saved is never sent, and may be cast
// again.
func TestBallotIsSavedFirst(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, g *group.Group, vs []*voter) {
		slow := &slowStore{Store: store.NewMem(lobby, 0)}
		a := newVoter(t, g, 0, 2, slow)
		slow.sync = func() {
			values, _ := slow.ListValues(t.Context(), "votes/"+lobby.String())
			if len(values) != 2 || len(a.room.mu.forwarded) != 0 || len(a.Proposals()) != 0 {
				t.Errorf("%d values saved, %d records sent", len(values), len(a.room.mu.forwarded))
			}
		}
		if p, err := a.Propose(secureOnly); err != nil || p.Label != "#1" || len(a.room.mu.forwarded) != 2 {
			t.Errorf("%v, %+v, %d sent", err, p, len(a.room.mu.forwarded))
		}

		b := newVoter(t, g, 1, 2, &slowStore{Store: store.NewMem(lobby, 0), err: store.ErrFull})
		for _, rec := range a.room.mu.forwarded {
			b.TakeLive(a.key, rec)
		}
		b.room.mu.forwarded = nil
		if _, err := b.Vote("#1", vote.Approve); !errors.Is(err, store.ErrFull) || !strings.Contains(err.Error(), "it was not sent") {
			t.Errorf("%v", err)
		}
		if values, _ := b.store.ListValues(t.Context(), "votes/"+lobby.String()); len(values) != 2 || len(b.room.mu.forwarded) != 0 || b.Proposals()[0].Mine != vote.None {
			t.Errorf("%d values, %d sent, own vote %v", len(values), len(b.room.mu.forwarded), b.Proposals()[0].Mine)
		}
		b.store.(*slowStore).err = nil
		if p, err := b.Vote("#1", vote.Approve); err != nil || p.State != vote.StatusPassed {
			t.Errorf("%v, %+v", err, p)
		}
	})
}

// The caller waits 300 ms for a slow disk. What fails later is reported by a notice.
func TestSlowDisk(t *testing.T) {
	inRoom(t, 1, func(t *testing.T, g *group.Group, _ []*voter) {
		slow := &slowStore{Store: store.NewMem(lobby, 0), wait: time.Second}
		a := newVoter(t, g, 0, 2, slow)
		began := time.Now()
		if _, err := a.Propose(secureOnly); err != nil || time.Since(began) != 300*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		pass(2 * time.Second)
		if len(a.Proposals()) != 1 {
			t.Error("it was never applied")
		}
		slow.err = store.ErrFull
		if _, err := a.Vote("#9", vote.Approve); !errors.Is(err, vote.ErrNoProposal) || !strings.Contains(err.Error(), "#9") {
			t.Errorf("%v", err)
		}
		if _, err := a.Cancel("#1"); err != nil {
			t.Error(err)
		}
		pass(2 * time.Second)
		notices := received[event.Notice](a)
		if len(notices) != 1 || notices[0].Level != event.Error || notices[0].Hint == "" || a.lastProposal("#1").State != vote.StatusOpen {
			t.Errorf("%+v", notices)
		}
		g.Stop()
		if _, err := a.Propose(secureOnly); err == nil {
			t.Error("signed after the end")
		}
	})
}

// Votes and disputes come back after a restart, as history. A damaged value is skipped.
func TestRestart(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, g *group.Group, vs []*voter) {
		label := decide(t, vs)
		if _, err := vs[1].SetDisputed(label, true); err != nil {
			t.Fatal(err)
		}
		if err := vs[1].store.Put("votes/"+lobby.String(), []byte("damaged"), []byte("nonsense")); err != nil {
			t.Fatal(err)
		}
		again := newVoter(t, g, 1, 2, vs[1].store)
		again.PostLoaded()
		changed := received[event.ProposalChanged](again)
		if len(changed) != 1 || !changed[0].History || changed[0].Proposal.State != vote.StatusDisputed || changed[0].Proposal.Mine != vote.Approve {
			t.Errorf("%+v", changed)
		}
		if _, on := again.SecureOnly(); on || again.Hash() != vs[1].Hash() {
			t.Errorf("on: %v, hash %s, want %s", on, again.Hash(), vs[1].Hash())
		}
	})
}

// A draft shows what would be sent, and how many peers in cleartext it would silence. Nothing is signed.
func TestPreview(t *testing.T) {
	inRoom(t, 3, func(t *testing.T, _ *group.Group, vs []*voter) {
		a := vs[0]
		a.room.mu.plain = 4
		p, err := a.Preview(secureOnly)
		if err != nil || p.ID != "" || p.Label != "#1" || p.Silenced != 4 || p.Need != 2 || len(p.Roll) != 3 {
			t.Errorf("%v, %+v", err, p)
		}
		if p, err := a.Preview(vote.Draft{Slot: vote.Topic, Action: "tea"}); err != nil || p.Silenced != 0 {
			t.Errorf("%v, %+v", err, p)
		}
		if _, err := a.Preview(vote.Draft{Slot: vote.SecureOnly, Action: vote.Off}); !errors.Is(err, vote.ErrNothingOn) {
			t.Errorf("off when nothing is on: %v", err)
		}
		if len(a.Proposals()) != 0 || len(a.room.mu.forwarded) != 0 {
			t.Error("a preview was sent")
		}
	})
}

// A proposal that no one decides expires by the clock, and is reported.
func TestExpiry(t *testing.T) {
	inRoom(t, 2, func(t *testing.T, _ *group.Group, vs []*voter) {
		p, err := vs[0].Propose(vote.Draft{Slot: vote.Topic, Action: "tea", Duration: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		exchange(vs)
		if got := vs[1].lastProposal("#1"); !got.CanVote || got.State != vote.StatusOpen {
			t.Errorf("%+v", got)
		}
		pass(time.Until(p.Closes) + time.Millisecond)
		vs[1].Tick()
		if got := vs[1].lastProposal("#1"); got.CanVote || got.State != vote.StatusExpired {
			t.Errorf("%+v", got)
		}
		n := len(received[event.ProposalChanged](vs[1]))
		vs[1].Tick()
		if len(received[event.ProposalChanged](vs[1])) != n {
			t.Error("reported again")
		}
		if _, err := vs[1].Vote("#1", vote.Approve); !errors.Is(err, votes.ErrClosed) {
			t.Errorf("%v", err)
		}
		if _, _, err := vs[0].Certificate("#1"); err == nil {
			t.Error("it has a certificate")
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
