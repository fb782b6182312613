package replica

import (
	"fmt"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// A peer that sends records with gaps as fast as it can, and answers that bring nothing new, is asked once in a while:
// each question looks at all that it claims.
func TestManyGapsAreAskedForTogether(t *testing.T) {
	for name, answer := range map[string]int{"with nothing": 0, "with a record that is here": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, 2, func(t *testing.T, n *net) {
				a, b := n.members[0], n.members[1]
				n.link(a, b)
				known := chain(t, 99, "known", 1)
				a.give(known...)
				pass(time.Second)
				l := a.links[b.key()]
				l.hold(true)
				asked := func() []wire.Want { return sent[wire.Want](l) }
				for round := range 2 {
					l.reset()
					for i := range 50 {
						a.Record(l, chain(t, record.Feed(100+50*round+i), "message", 3)[2])
						for _, w := range asked()[max(0, len(asked())-1):] {
							a.Records(l, wire.Records{Room: a.ID(), N: w.N, End: true}, known[:answer])
							a.Records(l, wire.Records{Room: a.ID(), N: w.N + 1000, End: true}, known[:answer]) // to no question
						}
					}
					if got := len(asked()); got > 2 {
						t.Errorf("%d questions at once", got)
					}
					before := len(asked())
					if pass(2 * AckEvery); len(asked()) == before {
						t.Error("nothing is asked for later")
					}
					for len(asked()) > 0 { // the peer has nothing at all
						w := asked()[len(asked())-1]
						l.reset()
						a.Records(l, wire.Records{Room: a.ID(), N: w.N, End: true}, nil)
						pass(2 * AckEvery)
					}
				}
			})
		})
	}
}

// An answer that brings what was asked for is followed by the next question at once.
func TestFullAnswersAreFollowedAtOnce(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		recs := chain(t, 99, "message", 5000) // more than one question asks for
		b.give(recs...)
		n.link(a, b)
		l, began := a.links[b.key()], time.Now()
		for len(a.heard()) < len(recs)-1 && time.Since(began) < time.Minute {
			pass(time.Millisecond)
		}
		if took := time.Since(began); len(sent[wire.Want](l)) < 2 || took > AckEvery {
			t.Errorf("%d questions took %v", len(sent[wire.Want](l)), took)
		}
	})
}

// claims invents so many feeds of which a peer claims records.
func claims(n, from int) (out []wire.Holding) {
	author := testID(98).Key()
	for i := range n {
		out = append(out, wire.Holding{Author: author, Feed: record.Feed(1000 + from + i).String(), Seq: 3, Head: "00"})
	}
	return out
}

// Strangers of one source share a bound for what they claim, and for frontiers of which the last page hasn't come. One
// who is known has a bound of its own.
func TestStrangersOfASourceShareTheirClaims(t *testing.T) {
	inBubble(t, 9, func(t *testing.T, n *net) {
		a, friend := n.members[0], n.members[8]
		a.rank(friend.key(), standing.Known, sourceAt("10.0.0.7"))
		for _, m := range n.members[1:8] {
			a.rank(m.key(), standing.Heard, sourceAt("10.0.0.7"))
		}
		sum := 0
		for i, m := range n.members[1:] {
			n.link(a, m)
			pass(time.Second)
			l := a.links[m.key()]
			l.hold(true)
			const most = 20_000
			for from := 0; from < most; from += pageFeeds {
				a.Message(l, wire.Frontier{Room: a.ID(), Turn: 1 << 40, Feeds: claims(pageFeeds, most*i+from), Last: from+pageFeeds >= most})
			}
			got := a.planner.CountClaims(m.key())
			if m == friend {
				if got < most {
					t.Errorf("%d claims of a known peer are kept", got)
				}
				continue
			}
			if sum += got; got < maxRanges {
				t.Errorf("%d claims of peer %d are kept", got, i)
			}
		}
		if most := maxStrangersClaims + 7*maxRanges; sum > most {
			t.Errorf("%d claims of strangers are kept, want at most %d", sum, most)
		}
		for _, m := range n.members[1:8] {
			for range maxFrontier/pageFeeds/4 + 1 {
				a.Message(a.links[m.key()], wire.Frontier{Room: a.ID(), Turn: 1 << 41, Feeds: claims(pageFeeds, 0)})
			}
		}
		pages := 0
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		for _, p := range a.Replica.mu.linked {
			pages += len(p.page)
		}
		if most := maxFrontier + 7*pageFeeds; pages > most {
			t.Errorf("%d feeds of frontiers wait for their last pages, want at most %d", pages, most)
		}
	})
}

// What is missing is counted again only after a while, if counting took long, and then it is posted.
func TestMissingIsCountedOnceInAWhile(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		a.Replica.mu.Lock()
		a.Replica.mu.catchUp.countAt = time.Now().Add(time.Second)
		a.Replica.mu.Unlock()
		before := len(received[event.Sync](a))
		b.give(chain(t, 99, "message", 3)...)
		a.ping(b)
		a.ping(b)
		pass(time.Second / 2)
		if got := received[event.Sync](a)[before:]; len(a.heard()) != 2 || len(got) != 0 {
			t.Errorf("%d messages came, and it was posted that %+v", len(a.heard()), got)
		}
		pass(time.Second)
		if got := received[event.Sync](a)[before:]; len(got) != 1 || got[0].Missing != 0 || got[0].Have != a.room.Count() {
			t.Errorf("posted %+v, want that nothing is missing", got)
		}
	})
}

// What comes by catching up is handed to neighbours at once, and then once a second: each of them gets a frontier.
func TestNeighboursHearOfCaughtUpOnceInAWhile(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(a, c)
		pass(2 * spreadEvery)
		toC := a.links[c.key()]
		toC.reset()
		recs := chain(t, 99, "message", 101)
		for i := range recs[1:] {
			b.give(recs[:i+2]...)
			a.Message(a.links[b.key()], wire.Frontier{Room: a.ID(), Turn: uint64(1<<40 + i), Part: true, Last: true,
				Feeds: []wire.Holding{{Author: testID(98).Key(), Feed: record.Feed(99).String(), Seq: uint64(i + 1), Head: "00"}}})
			pass(10 * time.Millisecond)
			if i == 0 && len(c.heard()) != 1 {
				t.Error("the first isn't handed on at once")
			}
		}
		if got := len(sent[wire.Frontier](toC)); got > 3 {
			t.Errorf("%d frontiers in a second", got)
		}
		pass(2 * spreadEvery)
		if got := c.heard(); len(got) != 100 || got[99] != fmt.Sprint("message ", 100) {
			t.Errorf("%d messages are handed on in the end", len(got))
		}
	})
}
