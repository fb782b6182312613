package node

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

var wishOn = vote.Draft{Slot: vote.SecureOnly, Action: vote.On}

func (p *person) on() bool { return p.Policy().SecureOnly }

// last is the newest state of the proposal that p was told of.
func (p *person) last(label string) event.Proposal {
	var out event.Proposal
	for _, ev := range told[event.ProposalChanged](&p.ear) {
		if ev.Proposal.Label == label {
			out = ev.Proposal
		}
	}
	return out
}

func propose(t *testing.T, p *person, w vote.Draft) event.Proposal {
	t.Helper()
	q, err := p.Propose(w)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func cast(t *testing.T, p *person, ref string, c vote.Choice) {
	t.Helper()
	if _, err := p.Vote(ref, c); err != nil {
		t.Fatal(err)
	}
}

// switchOn has the first two of a room of two or three decide on secure-only.
func switchOn(t *testing.T, ps []*person) event.Proposal {
	t.Helper()
	q := propose(t, ps[0], wishOn)
	pass(time.Second)
	cast(t, ps[1], q.Label, vote.Approve)
	pass(time.Second)
	return q
}

func TestTheRoomSwitchesItOn(t *testing.T) {
	together(t, 1, 3, func(t *testing.T, w *town, ps []*person) {
		if err := ps[2].Unsigned("before"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if got := ps[0].lines(); len(got) != 1 || got[0].Signature != event.Unsigned || got[0].Text != "before" || got[0].FromName != "p2" {
			t.Fatalf("%+v", got)
		}
		q := propose(t, ps[0], wishOn)
		if q.Label != "#1" || q.Need != 2 || q.Of() != 3 || q.Yes != 1 || q.Mine != vote.Approve {
			t.Fatalf("%+v", q)
		}
		pass(time.Second)
		if asked := ps[1].last("#1"); !asked.CanVote || asked.State != "open" || asked.By.Name != "p0" || len(asked.Missing()) != 2 {
			t.Fatalf("%+v", asked)
		}
		cast(t, ps[1], "#1", vote.Approve)
		pass(time.Second)
		for i, p := range ps {
			if !p.on() || p.last("#1").State != "passed" {
				t.Errorf("p%d: %+v", i, p.last("#1"))
			}
			changes := told[event.PolicyChanged](&p.ear)
			if len(changes) != 2 || !changes[0].First || changes[0].Policy.SecureOnly || !changes[1].Policy.SecureOnly || changes[1].Policy.Number != 1 || len(changes[1].Policy.Signed) != 2 {
				t.Errorf("p%d was told %+v", i, changes)
			}
			if n := len(told[event.BallotCast](&p.ear)); n != 2 {
				t.Errorf("p%d was told of %d ballots", i, n)
			}
		}
		// From then on the own client refuses, and so does every receiver of a client that doesn't.
		if err := ps[2].Unsigned("after"); !errors.Is(err, errSecureOnly) || !strings.Contains(err.Error(), "#1") {
			t.Errorf("unsigned: %v", err)
		}
		for range 3 {
			ps[2].cleartext.sendToLinks(event.Line{FromName: "p2", Text: "forced", Time: time.Now()}, nil)
		}
		pass(time.Second)
		for i, p := range ps[:2] {
			if n := len(p.lines()); n != 1 {
				t.Errorf("p%d heard %d lines", i, n)
			}
			refused := told[event.Refused](&p.ear)
			// How many of them were told apart depends on who ran when.
			if n := len(refused) - 1; n < 0 || refused[n].Count != 3 || refused[n].From != "p2" || !strings.Contains(refused[n].Reason, "#1") {
				t.Errorf("p%d: %+v", i, refused)
			}
		}
		if err := ps[2].Say("signed"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if n := len(ps[0].lines()); n != 2 {
			t.Errorf("signed lines are heard: %d", n)
		}
		// Off needs two thirds, and a majority of those who switched it on.
		off := propose(t, ps[2], vote.Draft{Slot: vote.SecureOnly, Action: vote.Off})
		if off.Need != 2 || len(off.Ends) != 1 || off.Ends[0].Need != 2 {
			t.Errorf("%+v", off)
		}
		pass(time.Second)
		if !ps[0].on() {
			t.Error("one of three ended it")
		}
		cast(t, ps[0], off.Label, vote.Approve)
		pass(time.Second)
		for i, p := range ps {
			if p.on() || p.last("#1").State != "ended" {
				t.Errorf("p%d: on %v, #1 %s", i, p.on(), p.last("#1").State)
			}
		}
	})
}

// A vote that is open while the network is split, with ballots on both sides, has one outcome at all
// four when it heals.
func TestAVoteAcrossASplit(t *testing.T) {
	together(t, 2, 4, func(t *testing.T, w *town, ps []*person) {
		q := propose(t, ps[0], vote.Draft{Slot: vote.SecureOnly, Action: vote.On, Duration: time.Hour})
		pass(time.Second)
		w.net.Partition([]netip.Addr{addr(0), addr(1)}, []netip.Addr{addr(2), addr(3)})
		pass(30 * time.Second)
		cast(t, ps[1], q.Label, vote.Reject)
		cast(t, ps[2], q.Label, vote.Approve)
		cast(t, ps[3], q.Label, vote.Approve)
		pass(5 * time.Second)
		if ps[0].on() || ps[1].on() || ps[2].on() != ps[3].on() {
			t.Fatal("the sides know what they can't")
		}
		w.net.Heal()
		healed := time.Now()
		for !(ps[0].on() && ps[1].on() && ps[2].on() && ps[3].on()) {
			if time.Since(healed) > 70*time.Second {
				t.Fatal("they never agree")
			}
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		for i, p := range ps {
			if last := p.last("#1"); last.Yes != 3 || last.No != 1 || last.State != "passed" {
				t.Errorf("p%d: %+v", i, last)
			}
			if p.Announce().Policy.Votes != ps[0].Announce().Policy.Votes {
				t.Errorf("p%d has other votes", i)
			}
		}
	})
}

// Who joins later learns the policy and obeys; the gate holds what is in clear until then.
func TestAJoinerLearnsThePolicyFirst(t *testing.T) {
	together(t, 3, 2, func(t *testing.T, w *town, ps []*person) {
		switchOn(t, ps)
		late := w.move(2)
		for late.Status().Peers == 0 {
			pass(10 * time.Millisecond)
		}
		if err := late.Unsigned("quick"); err == nil {
			t.Error("it could speak in clear before it knew the policy")
		}
		pass(time.Second)
		if !late.on() {
			t.Error("it did not learn the policy")
		}
		for _, ev := range told[event.PolicyChanged](&late.ear) {
			if ev.Policy.SecureOnly && (!ev.History || len(ev.Policy.Signed) != 2) {
				t.Errorf("it is told as news, or not who signed: %+v", ev)
			}
		}
		if err := late.Unsigned("later"); !errors.Is(err, errSecureOnly) {
			t.Errorf("%v", err)
		}
		if got := late.last("#1"); got.State != "passed" || got.CanVote {
			t.Errorf("%+v", got)
		}
		// Everything at once is history: no one is asked, nothing rings.
		for _, ev := range told[event.BallotCast](&late.ear) {
			if !ev.History {
				t.Errorf("told as news: %+v", ev)
			}
		}
	})
}

// Who was linked and is left out disputes, and so does everyone linked to both; a later vote by all
// makes all equal again.
func TestWhoIsLeftOut(t *testing.T) {
	inTown(t, 4, func(t *testing.T, w *town) {
		ps := w.crowd(4)
		pass(15 * time.Second)
		// A proposer that isn't honest: p2's and p3's keys are not on the roll.
		wish := wishOn
		wish.Roll = []identity.Key{ps[1].cfg.Identity.Key()}
		recs, err := votes.NewRecords(lobby, ps[0].cfg.Identity).SignProposal(wish, time.Now().UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			for _, r := range recs {
				p.Replica.Record(noLink(ps[0].Self().Key), r)
			}
		}
		pass(time.Second)
		if got := ps[1].last("#1"); got.State != "disputed" || len(got.LeftOut) != 2 {
			t.Errorf("p1: %+v", got)
		}
		cast(t, ps[1], "#1", vote.Approve)
		pass(time.Second)
		if ps[2].on() || ps[3].on() {
			t.Error("it counts for those it leaves out")
		}
		if got := ps[2].last("#1"); got.State != "disputed" || len(got.LeftOut) == 0 || got.CanVote {
			t.Errorf("p2: %+v", got)
		}
		if _, err := ps[2].SetDisputed("#1", false); err != nil || !ps[2].on() {
			t.Errorf("accepting: %v, on %v", err, ps[2].on())
		}
		if _, err := ps[2].SetDisputed("#1", true); err != nil || ps[2].on() {
			t.Errorf("refusing: %v, on %v", err, ps[2].on())
		}
		q := propose(t, ps[3], wishOn)
		pass(time.Second)
		for _, p := range ps[:2] {
			cast(t, p, q.Label, vote.Approve)
		}
		pass(time.Second)
		for i, p := range ps {
			if !p.on() {
				t.Errorf("p%d is not on after a vote by all", i)
			}
		}
	})
}

func TestAProposalExpires(t *testing.T) {
	together(t, 5, 2, func(t *testing.T, w *town, ps []*person) {
		propose(t, ps[0], vote.Draft{Slot: vote.Topic, Action: "tea"})
		pass(2 * time.Minute)
		if got := ps[1].last("#1").State; got != "open" {
			t.Errorf("after 2 minutes it is %s", got)
		}
		pass(2 * time.Minute)
		for i, p := range ps {
			if got := p.last("#1"); got.State != "expired" || got.CanVote {
				t.Errorf("p%d: %+v", i, got)
			}
		}
		if _, err := ps[1].Vote("#1", vote.Approve); err == nil {
			t.Error("a ballot after it closed was signed")
		}
		if _, _, err := ps[0].Certificate("#1"); err == nil || !strings.Contains(err.Error(), "has not passed") {
			t.Errorf("%v", err)
		}
	})
}

// Equal records and unequal dispute sets are said.
func TestAnotherPolicyIsSaid(t *testing.T) {
	together(t, 6, 2, func(t *testing.T, w *town, ps []*person) {
		q := switchOn(t, ps)
		if _, err := ps[1].SetDisputed(q.Label, true); err != nil {
			t.Fatal(err)
		}
		w.net.Partition([]netip.Addr{addr(0)}, []netip.Addr{addr(1)})
		pass(20 * time.Second)
		w.net.Heal()
		pass(time.Minute)
		differs := told[event.Differs](&ps[1].ear)
		if len(differs) != 1 || !differs[0].SecureOnly || differs[0].Label != "#1" || differs[0].Peer.Name != "p0" {
			t.Errorf("%+v", differs)
		}
	})
}

// Whatever one peer says of whom it is linked to, a vote can be proposed, and no one is left out for it
// whom one is linked to or whom several others name.
func TestAMadeUpCrowdKeepsNobodyFromVoting(t *testing.T) {
	inTown(t, 9, func(t *testing.T, w *town) {
		w.net.Block(addr(0), addr(3))
		ps := w.crowd(5)
		pass(10 * time.Second)
		var links wire.Links
		for i := 0; len(links.Links) < maxNeighbours; i++ {
			made := identity.FromSeed([32]byte{1, 2, 3, byte(i), byte(i >> 8)}).Key()
			if made.Compare(ps[3].Self().Key) < 0 { // so that p3 isn't on it by luck
				links.Links = append(links.Links, wire.Neighbour{Key: made})
			}
		}
		sendRaw(t, ps[1].Node, ps[0].Self().Key, links)
		pass(time.Second)
		q := propose(t, ps[0], wishOn)
		if q.Of() != vote.MaxRoll {
			t.Errorf("a roll of %d", q.Of())
		}
		for i, p := range ps {
			if !slices.ContainsFunc(q.Roll, func(v event.Voter) bool { return v.Key == p.Self().Key }) {
				t.Errorf("p%d is left out", i)
			}
		}
	})
}

// A key that votes twice, on two machines, is evidence everywhere, and the tally is the same.
func TestVotingTwiceIsSeenByAll(t *testing.T) {
	together(t, 8, 3, func(t *testing.T, w *town, ps []*person) {
		q := propose(t, ps[0], wishOn)
		pass(time.Second)
		// p1's other machine: the same key, the same proposal, the other choice.
		id, err := vote.ParseID(q.ID)
		if err != nil {
			t.Fatal(err)
		}
		data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Voter: ps[1].Self().Key, Choice: vote.Reject})
		if err != nil {
			t.Fatal(err)
		}
		other, err := record.Sign(ps[1].cfg.Identity, record.Body{Room: lobby, Kind: record.KindBallot, Data: data})
		if err != nil {
			t.Fatal(err)
		}
		cast(t, ps[1], q.Label, vote.Approve)
		for _, to := range []*person{ps[0], ps[2]} {
			sendRaw(t, ps[1].Node, to.Self().Key, wire.Record{Body: other.Signed(), Sig: other.Signature()})
		}
		pass(20 * time.Second)
		for i, p := range ps {
			if got := p.last("#1"); got.Yes != 2 || got.No != 0 || got.State != "passed" {
				t.Errorf("p%d: %+v", i, got)
			}
			if _, data, err := p.Evidence("#1"); err != nil {
				t.Errorf("p%d: %v", i, err)
			} else if proof, err := votes.ReadCertificate(bytes.NewReader(data)); err != nil || proof.Equivocator != ps[1].cfg.Identity.Key() {
				t.Errorf("p%d: %v, %v", i, proof, err)
			}
			twice := 0
			for _, ev := range told[event.BallotCast](&p.ear) {
				if ev.Twice {
					twice++
				}
			}
			if twice != 1 {
				t.Errorf("p%d was told %d times that somebody voted twice", i, twice)
			}
		}
	})
}
