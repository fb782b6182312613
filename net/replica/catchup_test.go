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

// What strangers claim takes nothing from a known peer of their source, nor from strangers elsewhere.
func TestClaimsOfStrangersLeaveOthersTheirs(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		a, eve := n.members[0], n.members[1]
		a.rank(eve.key(), standing.Heard, sourceAt("10.0.0.7"))
		a.rank(n.members[2].key(), standing.Known, sourceAt("10.0.0.7"))
		a.rank(n.members[3].key(), standing.Met, sourceAt("10.0.0.8"))
		for _, m := range n.members[1:] {
			n.link(a, m)
			pass(time.Second)
			a.links[m.key()].hold(true)
		}
		for i := range maxFrontier/pageFeeds + 1 {
			a.Message(a.links[eve.key()], wire.Frontier{Room: a.ID(), Turn: 1 << 40, Feeds: claims(pageFeeds, i*pageFeeds)})
		}
		for _, m := range n.members[2:] {
			for from := 0; from < 3000; from += pageFeeds {
				a.Message(a.links[m.key()], wire.Frontier{Room: a.ID(), Turn: 1 << 40, Feeds: claims(pageFeeds, from), Last: from+pageFeeds >= 3000})
			}
			if got := a.planner.CountClaims(m.key()); got != 3000 {
				t.Errorf("%d claims of %s are kept", got, m.host.mu.name)
			}
		}
		// Parts that wait for a reply count as well.
		part := wire.Frontier{Room: a.ID(), Turn: 1 << 41, Part: true, Ask: true}
		for range maxFrontier/pageFeeds + 1 {
			part.Feeds = claims(pageFeeds, 0)
			a.Message(a.links[eve.key()], part)
		}
		part.Last, part.Feeds = true, claims(1, 0)
		a.Message(a.links[eve.key()], part)
		other := n.add()
		a.rank(other.key(), standing.Heard, sourceAt("10.0.0.7"))
		n.link(a, other)
		pass(time.Second)
		for range 2 {
			a.Message(a.links[other.key()], wire.Frontier{Room: a.ID(), Turn: 1 << 40, Feeds: claims(pageFeeds, 0)})
		}
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		if eve, other := a.Replica.mu.peers[eve.key()], a.Replica.mu.peers[other.key()]; len(eve.partAsked) < maxFrontier-pageFeeds || len(other.page) != pageFeeds {
			t.Errorf("beside %d feeds that wait for a reply a page has %d, want %d", len(eve.partAsked), len(other.page), pageFeeds)
		}
	})
}

// A liar's feed whose beginning no one has fills an answer, and nothing of it can be taken yet. What an honest author said,
// which the answer didn't reach, is asked for next.
func TestFeedWithoutBeginningWithholdsNothing(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.hold(true)
		l.reset()
		liar := chain(t, 1, "message", 100)
		a.give(liar[:5]...) // so that it waits for those between
		honest := strangerOf(t, 1, 9, 2, 10)
		for who := 2; honest[0].Author().Compare(liar[0].Author()) < 0; who++ { // it is asked for after the liar's
			honest = strangerOf(t, who, 9, 2, 10)
		}
		holds := func(recs []*record.Record, floor uint64) wire.Holding {
			last := recs[len(recs)-1]
			return wire.Holding{Author: last.Author(), Feed: last.Body().Feed.String(), Seq: last.Seq(), Floor: floor, Head: "00"}
		}
		a.Message(l, wire.Frontier{Room: a.ID(), Turn: 1 << 40, Last: true, Feeds: []wire.Holding{holds(liar, 50), holds(honest, 0)}})
		asked := sent[wire.Want](l)
		if len(asked) != 1 || len(asked[0].Ranges) != 2 {
			t.Fatalf("asked %+v", asked)
		}
		a.Records(l, wire.Records{Room: a.ID(), N: asked[0].N, End: true}, liar[50:60]) // it is cut here
		pass(2 * AckEvery)
		asked = sent[wire.Want](l)
		if last := asked[len(asked)-1]; len(asked) != 2 || len(last.Ranges) != 1 || last.Ranges[0].Author != honest[0].Author() {
			t.Fatalf("asked %+v, want one more question, for what the honest author said", asked)
		}
		a.Records(l, wire.Records{Room: a.ID(), N: asked[1].N, End: true}, honest)
		pass(time.Second)
		if got := a.heard(); len(got) != 5 {
			t.Errorf("heard %q, want four of the liar and one", got)
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
	for _, sourceFirst := range []bool{true, false} {
		testCaughtUpIsSpread(t, sourceFirst)
	}
}

func testCaughtUpIsSpread(t *testing.T, sourceFirst bool) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		if sourceFirst {
			n.link(a, b)
			n.link(a, c)
		} else {
			n.link(a, c)
			n.link(a, b)
		}
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
