package node

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/vote"
)

// Of twelve people who are linked to each other, one half has one record for a place and then the other half gets
// another. A second later everyone sees the fork, also where one half has more of its chain.
func TestAConflictShowsWithinASecond(t *testing.T) {
	for _, c := range []struct{ parted, first, second int }{{5, 6, 6}, {5, 9, 6}, {5, 6, 9}, {5, 300, 300}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			together(t, 55, 12, func(t *testing.T, w *town, ps []*person) {
				chains := twoFaced(t, c.parted, max(c.first, c.second))
				for _, p := range ps[:6] {
					give(t, p, chains[0][:c.first])
				}
				pass(400 * time.Millisecond) // the first half has said what it has
				for _, p := range ps[6:] {
					give(t, p, chains[1][:c.second])
				}
				pass(time.Second)
				for i, p := range ps {
					if got := warnings(p); got != 1 {
						t.Errorf("%d warned %d times", i, got)
					}
					if p.Replica.Announce().Sums != ps[0].Replica.Announce().Sums {
						t.Errorf("%d has another hash", i)
					}
				}
			})
		})
	}
}

// The same for two votes of one key.
func TestTwoVotesShowWithinASecond(t *testing.T) {
	together(t, 56, 13, func(t *testing.T, w *town, ps []*person) {
		mallory := identity.FromSeed([32]byte{13})
		q := propose(t, ps[0], wishOn)
		pass(20 * time.Second)
		for i, choice := range []vote.Choice{vote.Approve, vote.Reject} {
			id, err := vote.ParseID(q.ID)
			if err != nil {
				t.Fatal(err)
			}
			data, err := vote.EncodeBallot(vote.Ballot{Proposal: id, Voter: mallory.Key(), Choice: choice})
			if err != nil {
				t.Fatal(err)
			}
			ballot, err := record.Sign(mallory, record.Body{Room: lobby, Kind: record.KindBallot, Data: data})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range ps[6*i : 6*i+6] {
				p.Replica.Record(noLink(mallory.Key()), ballot)
			}
			if i == 0 {
				pass(400 * time.Millisecond)
			}
		}
		pass(time.Second)
		for i, p := range ps[:12] {
			twice := 0
			for _, b := range told[event.BallotCast](&p.ear) {
				if b.Twice && b.By.Key == mallory.Key() {
					twice++
				}
			}
			if twice != 1 {
				t.Errorf("%d heard %d times that someone voted twice", i, twice)
			}
			if p.Replica.Announce().Sums != ps[0].Replica.Announce().Sums {
				t.Errorf("%d has another hash", i)
			}
		}
	})
}
