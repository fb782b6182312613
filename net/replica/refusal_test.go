package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// pingFor has the members of a link ping each other every 5 s for some time, and returns how many records and frontiers
// went from b to a meanwhile.
func pingFor(a, b *member, d time.Duration) (records, frontiers int) {
	l := b.links[a.key()]
	l.reset()
	for range d / (5 * time.Second) {
		a.ping(b)
		pass(5 * time.Second)
	}
	for _, m := range sent[wire.Records](l) {
		records += len(m.Records)
	}
	return records, len(sent[wire.Frontier](l)) + len(sent[wire.Outline](l))
}

// A peer that has more than we keep is told so: it leaves the rest out of its hash for us, and sends nothing again. After
// some minutes it is tried again.
func TestRefusalTravelsBack(t *testing.T) {
	for _, keys := range []int{400, 1600} { // more than 1024: we say whom we take
		inBubble(t, 0, func(t *testing.T, n *net) {
			a, b := n.add(sized(400_000)), n.add()
			big := deadLink(testID(97).Key())
			n.link(a, b)
			for i := range keys {
				b.Record(big, strangerOf(t, 1000+i, 1, 1, 0)[0])
			}
			pass(5 * time.Second)
			if kept := len(a.Replica.mu.size.authors); kept < 100 || kept > keys/2 {
				t.Fatalf("%d authors of %d are kept", kept, keys)
			}
			said := sent[wire.Refused](a.links[b.key()])
			if len(said) == 0 || said[0].Taken != (keys > maxTold+200) {
				t.Fatalf("%d keys: %d refusals", keys, len(said))
			}
			if a.HashFor(a.links[b.key()]) != b.HashFor(b.links[a.key()]) || a.Hash() == b.Hash() {
				t.Error("the hashes for each other differ, or nothing is refused")
			}
			if records, frontiers := pingFor(a, b, 2*time.Minute); records != 0 || frontiers != 0 {
				t.Errorf("level peers sent %d records, %d frontiers", records, frontiers)
			}
			n.say(b, "hello") // goes on, both ways
			n.say(a, "hello")
			pass(time.Second)
			n.expectHeard(a, "hello")
			if a.HashFor(a.links[b.key()]) != b.HashFor(b.links[a.key()]) {
				t.Error("after another message the hashes differ")
			}
			pass(refuseFor)
			if _, frontiers := pingFor(a, b, time.Minute); frontiers == 0 {
				t.Error("it isn't tried again")
			}
		})
	}
}

// A program of before doesn't understand refusals. Nothing is asked of it that was refused, and the pair is settled.
func TestRefusalOfAnOldProgram(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(sized(400_000)), n.add()
		b.caps = nil
		n.link(a, b)
		for i := range 400 {
			b.Record(deadLink(testID(97).Key()), strangerOf(t, 1000+i, 1, 1, 0)[0])
		}
		pass(5 * time.Second)
		if len(sent[wire.Refused](a.links[b.key()])) != 0 {
			t.Error("it is told")
		}
		pingFor(a, b, time.Minute)
		records, frontiers := pingFor(a, b, 4*time.Minute)
		if records != 0 || frontiers > 8 {
			t.Errorf("%d records and %d frontiers were sent in vain", records, frontiers)
		}
	})
}

// A full room doesn't ask for strangers that a peer lists, and asks for all else.
func TestListedStrangersAreNotAskedFor(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(sized(400_000)), n.add()
		for i := range 400 {
			a.Record(deadLink(testID(97).Key()), strangerOf(t, 1000+i, 1, 1, 0)[0])
			b.Record(deadLink(testID(97).Key()), strangerOf(t, 2000+i, 1, 1, 0)[0])
		}
		friend := testID(51).Key()
		a.rank(friend, standing.Known, standing.Source{})
		b.Record(deadLink(testID(97).Key()), strangerOf(t, 51, 1, 1, 0)[0])
		n.link(a, b)
		pass(10 * time.Second)
		for _, w := range sent[wire.Want](a.links[b.key()]) {
			for _, x := range w.Ranges {
				if x.Author != friend {
					t.Fatalf("%d ranges are asked for", len(w.Ranges))
				}
			}
		}
		if records, _ := a.countOf(friend); records != 1 {
			t.Error("a friend's record that the peer lists is not here")
		}
	})
}

// The author's own program is told by each peer that doesn't keep its messages, and doesn't wait for them.
func TestAuthorHearsOfIt(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		author, keeps := n.members[0], n.members[1]
		n.link(author, keeps)
		for _, m := range n.members[2:] {
			m.Replica.mu.Lock()
			m.Replica.mu.size.budget = standing.NewBudget[identity.Key](4000, 1000)
			m.Replica.mu.Unlock()
			m.Record(deadLink(testID(97).Key()), strangerOf(t, 98, 1, 1, 0)[0])
			m.rank(testID(98).Key(), standing.Met, standing.Source{})
			m.Record(deadLink(testID(97).Key()), strangerOf(t, 98, 1, 2, 100)[1])
			pass(2 * time.Second) // until it knows what its store deleted
			n.link(author, m)
		}
		n.say(author, "hello")
		pass(2 * time.Second)
		all := received[event.Delivered](author)
		if d := all[len(all)-1]; d.Peers != 1 || d.Of != 3 || d.NotKept != 2 {
			t.Errorf("%+v, want 1 of 3, not kept by 2", d)
		}
		if err := author.WaitDelivered(t.Context()); err != nil {
			t.Error(err)
		}
		n.say(author, "again")
		pass(time.Second)
		all = received[event.Delivered](author)
		if d := all[len(all)-1]; d.Peers != 1 || d.Of != 3 || d.NotKept != 2 {
			t.Errorf("for the next message %+v, want 1 of 3, not kept by 2", d)
		}
		for _, m := range n.members[2:] { // equal hashes don't say that it has what it refuses
			l := author.links[m.key()]
			author.TakeHash(l, author.HashFor(l))
		}
		pass(time.Second)
		all = received[event.Delivered](author)
		if d := all[len(all)-1]; d.Peers != 1 || d.Of != 3 || d.NotKept != 2 {
			t.Errorf("after pings %+v, want 1 of 3, not kept by 2", d)
		}
		for _, m := range n.members[2:] {
			if slices.Contains(m.heard(), "hello") {
				t.Error("a message that isn't kept is shown")
			}
		}
	})
}

// What a peer says of refusals is bounded, and ends.
func TestTakeRefused(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		refuses := func(who int) bool {
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			return a.Replica.mu.peers[b.key()].refusesAuthor(testID(who).Key())
		}
		expect := func(what string, want map[int]bool) {
			t.Helper()
			for who, w := range want {
				if refuses(who) != w {
					t.Errorf("%s: author %d refused: %v", what, who, !w)
				}
			}
		}
		keys := func(who ...int) (out []identity.Key) {
			for _, i := range who {
				out = append(out, testID(i).Key())
			}
			return out
		}
		a.Message(l, wire.Refused{Room: a.ID(), Authors: keys(5), ForMs: 60_000})
		a.Message(l, wire.Refused{Room: a.ID(), Authors: keys(6), ForMs: 1 << 60})
		expect("named", map[int]bool{5: true, 6: true, 7: false})
		pass(61 * time.Second)
		expect("after a minute", map[int]bool{5: false, 6: true})
		pass(time.Hour)
		expect("after an hour", map[int]bool{6: false})
		a.Message(l, wire.Refused{Room: a.ID(), Authors: append([]identity.Key{b.key()}, keys(5)...), Taken: true, More: true, ForMs: 60_000})
		expect("an incomplete list", map[int]bool{5: false, 6: false, 7: false})
		a.Message(l, wire.Refused{Room: a.ID(), Authors: keys(6), Taken: true, ForMs: 60_000})
		expect("a complete list", map[int]bool{5: false, 6: false, 7: true})
		pass(61 * time.Second)
		expect("after a minute", map[int]bool{7: false})
		a.Message(l, wire.Refused{Room: a.ID(), Authors: make([]identity.Key, wire.MaxRefused+1), ForMs: 60_000})
		if got := fmt.Sprint(a.host.refusals()); got != "[malformed refusal]" {
			t.Errorf("refused %s", got)
		}
		for i := range 2 * maxTold {
			a.Message(l, wire.Refused{Room: a.ID(), Authors: keys(100 + i), ForMs: 60_000})
		}
		a.Replica.mu.Lock()
		defer a.Replica.mu.Unlock()
		if got := len(a.Replica.mu.peers[b.key()].told.authors); got != maxTold {
			t.Errorf("%d refused authors are remembered", got)
		}
	})
}

// The hash without the authors that a peer refuses costs a look at all authors. A peer that refuses others all the time, and
// pings between, gets an old one once it has had more than its share.
func TestRefusalsInVainCostLittle(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		recs := chain(t, 77, "message", 3)
		a.give(recs...)
		pass(time.Second)
		r := a.Replica
		refuse := func(author identity.Key) (hash string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			p := r.mu.peers[b.key()]
			r.refusals.takeRefusedLocked(p, wire.Refused{Room: a.ID(), Authors: []identity.Key{author}, ForMs: 1e6})
			return r.refusals.hashForLocked(p)
		}
		first := refuse(testID(900).Key()) // who has nothing here
		r.mu.Lock()
		budget := r.outlines.budgetLocked(b.key())
		budget.ReserveN(time.Now(), outlineBurst)
		r.mu.Unlock()
		if got := refuse(recs[0].Author()); got != first {
			t.Error("the room is hashed anew without a budget")
		}
		pass(time.Minute)
		before := budget.Tokens()
		if got := refuse(recs[0].Author()); got == first {
			t.Error("the hash stays old for ever")
		}
		if budget.Tokens() >= before {
			t.Error("it costs nothing")
		}
		before = budget.Tokens()
		r.mu.Lock()
		r.refusals.hashForLocked(r.mu.peers[b.key()])
		r.mu.Unlock()
		if budget.Tokens() < before {
			t.Error("the same room costs again")
		}
	})
}
