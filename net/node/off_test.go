package node

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/votes"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// A vote for secure-only off that passed without those who switched it on does not claim to have an
// effect, and asks on those, and only those, whose approval would end it (rule 5 of package vote).
func TestAnOffThatEndsNothingAsksOn(t *testing.T) {
	inTown(t, 31, func(t *testing.T, w *town) {
		ps := w.crowd(6)
		pass(3 * time.Second)
		wish := wishOn // made by the first two before the others came, as it were
		wish.Roll = []identity.Key{ps[0].cfg.Identity.Key(), ps[1].cfg.Identity.Key()}
		recs, err := votes.NewRecords(lobby, ps[0].cfg.Identity).SignProposal(wish, time.Now().UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps { // a client that just started disputes nothing
			for _, r := range recs {
				p.Replica.Record(noLink(ps[0].Self().Key), r)
			}
		}
		cast(t, ps[1], "#1", vote.Approve)
		pass(time.Second)
		off := propose(t, ps[2], vote.Draft{Slot: vote.SecureOnly, Action: vote.Off})
		pass(time.Second)
		for _, p := range ps[3:] {
			cast(t, p, off.Label, vote.Approve)
		}
		pass(time.Second)
		for i, p := range ps {
			q := p.last(off.Label)
			if q.State != "passed" || !q.Idle || !p.on() {
				t.Errorf("p%d: %s, idle %v, on %v", i, q.State, q.Idle, p.on())
			}
			if e, lacking := q.Lacks(); !lacking || e.Label != "#1" || e.Have != 0 || e.Need != 2 {
				t.Errorf("p%d: lacks %+v", i, e)
			}
			if q.CanVote != (i < 2) {
				t.Errorf("p%d is asked: %v", i, q.CanVote)
			}
		}
		cast(t, ps[0], off.Label, vote.Approve)
		pass(time.Second)
		if ps[0].last(off.Label).CanVote || !ps[1].last(off.Label).CanVote {
			t.Error("not the right one is asked on")
		}
		cast(t, ps[1], off.Label, vote.Approve)
		pass(time.Second)
		for i, p := range ps {
			if q := p.last(off.Label); q.Idle || q.CanVote || p.on() {
				t.Errorf("p%d: idle %v, asked %v, on %v", i, q.Idle, q.CanVote, p.on())
			}
		}
	})
}

// Of two topics that pass side by side one stands, and the other does not claim to.
func TestATopicThatDoesNotStandSaysSo(t *testing.T) {
	together(t, 32, 2, func(t *testing.T, w *town, ps []*person) {
		one := propose(t, ps[0], vote.Draft{Slot: vote.Topic, Action: "tea"})
		other := propose(t, ps[1], vote.Draft{Slot: vote.Topic, Action: "coffee"})
		pass(time.Second)
		cast(t, ps[0], other.ID, vote.Approve)
		cast(t, ps[1], one.ID, vote.Approve)
		pass(time.Second)
		idle := map[bool]string{}
		for _, q := range ps[0].Proposals() {
			idle[q.Idle] = q.Action
		}
		if idle[false] != ps[0].Policy().Topic || len(idle) != 2 {
			t.Errorf("%v, the topic is %s", idle, ps[0].Policy().Topic)
		}
	})
}

// Who follows less than we do is told by what it doesn't follow, and once.
func TestWhoFollowsLessIsSaid(t *testing.T) {
	together(t, 33, 2, func(t *testing.T, w *town, ps []*person) {
		q := switchOn(t, ps)
		if _, err := ps[1].SetDisputed(q.Label, true); err != nil {
			t.Fatal(err)
		}
		l := linkTo(ps[0].Node, ps[1].Self().Key)
		ps[0].PrepareLink(l, wire.InRoom{Policy: ps[1].Announce().Policy})()
		for turn := range uint64(2) {
			// Each frontier that finds the votes level comes to the same.
			ps[0].Replica.Message(l, wire.Frontier{Room: ps[0].ID(), Turn: 100 + turn, Last: true})
		}
		pass(time.Second)
		differs := told[event.Differs](&ps[0].ear)
		if len(differs) != 1 || differs[0].SecureOnly || differs[0].Label != "#1" {
			t.Errorf("%+v", differs)
		}
	})
}
