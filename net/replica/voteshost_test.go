package replica

import (
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
	"chat.lan/p2pchat/vote"
)

// A vote goes to all linked members, and its outcome is the policy of each. A member that comes later learns
// it by catching up.
func TestVote(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(b, c) // c hears of a by b
		pass(time.Second)
		p, err := a.votes.Propose(vote.Draft{Slot: vote.SecureOnly, Action: vote.On})
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Roll) != 3 {
			t.Errorf("%d voters", len(p.Roll))
		}
		pass(time.Second)
		if _, err := c.votes.Vote(p.Label, vote.Approve); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		d := n.add()
		n.link(d, a)
		pass(time.Second)
		for _, m := range n.members {
			if _, on := m.votes.SecureOnly(); !on || m.host.mu.changes != 1 || m.host.mu.known != 1 {
				t.Errorf("%s: on %v, %d changes, known %d times", m.host.mu.name, on, m.host.mu.changes, m.host.mu.known)
			}
		}
		n.expectLevel()
		for _, ev := range received[event.BallotCast](d) {
			if !ev.History {
				t.Errorf("reported as new: %+v", ev)
			}
		}
		again := n.restart(0)
		if _, on := again.votes.SecureOnly(); !on {
			t.Error("the policy is lost after a restart")
		}
	})
}

// A peer that names a crowd keeps no one from voting: the roll has its bound, and those are on it that are
// linked or that more peers name.
func TestVotersAreBounded(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(a, c)
		crowd := []identity.Key{a.key(), c.key()}
		var last identity.Key // the greatest key, so that its order doesn't bring it onto the roll
		for i := range 2 * vote.MaxRoll {
			key := testID(100 + i).Key()
			crowd = append(crowd, key)
			if last.IsZero() || key.Compare(last) > 0 {
				last = key
			}
		}
		a.SetNeighbours(a.links[b.key()], identity.NewKeySet(crowd...))
		roll := (around{a}).ListVoters()
		if len(roll) != vote.MaxRoll || roll[0] != a.key() || slices.Contains(roll, last) {
			t.Errorf("%d voters", len(roll))
		}
		a.SetNeighbours(a.links[c.key()], identity.NewKeySet(last))
		roll = (around{a}).ListVoters()
		for _, key := range []identity.Key{b.key(), c.key(), last} {
			if !slices.Contains(roll, key) {
				t.Errorf("%s is left out", key.Short())
			}
		}
		slices.SortFunc(roll, identity.Key.Compare)
		if len(roll) != vote.MaxRoll || len(slices.Compact(roll)) != vote.MaxRoll {
			t.Error("a key is on the roll twice")
		}
	})
}

func TestListLongLinked(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		around := around{a}
		n.link(a, b)
		pass(vote.DisputeAfter - time.Second)
		n.link(a, c)
		if got := around.ListLongLinked(); len(got) != 0 {
			t.Errorf("%d peers", len(got))
		}
		pass(time.Second)
		if got := around.ListLongLinked(); !slices.Equal(got, []identity.Key{b.key()}) {
			t.Errorf("%d peers", len(got))
		}
		n.unlink(a, b)
		around.Send(b.key(), wire.Typing{Room: a.ID()}) // to a peer that is gone: dropped
		if got := around.ListLongLinked(); len(got) != 0 {
			t.Errorf("%d peers once it is gone", len(got))
		}
	})
}

// TestCaughtUpVotesReachNeighbours: votes that a peer got by catching up reach its neighbours without a ping.
func TestCaughtUpVotesReachNeighbours(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		if _, err := a.votes.Propose(vote.Draft{Slot: vote.SecureOnly, Action: vote.On}); err != nil {
			t.Fatal(err)
		}
		if _, on := a.votes.SecureOnly(); !on {
			t.Error("a vote of one peer isn't in force at once")
		}
		n.link(b, c)
		pass(time.Second)
		n.link(a, b)
		pass(time.Second)
		n.expectLevel()
	})
}
