package replica

import (
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// A peer that lost its link to an author just before that spoke hears of the record as soon as it says so. Of an author
// that didn't speak lately it hears nothing.
func TestLateNewsOfALostLink(t *testing.T) {
	for _, bySums := range []bool{false, true} {
		inBubble(t, 4, func(t *testing.T, n *net) {
			a, b, c, d := n.members[0], n.members[1], n.members[2], n.members[3]
			n.link(a, b)
			n.link(a, c)
			n.link(a, d)
			toB := a.links[b.key()]
			toB.can = map[string]bool{wire.CapFeeds: bySums}
			n.say(d, "long ago")
			pass(2 * staleFor)
			a.Tick()
			linked := func(keys ...identity.Key) { a.SetNeighbours(toB, identity.NewKeySet(append(keys, a.key())...)) }
			linked(c.key(), d.key())
			n.say(c, "just now")
			pass(time.Second)
			n.expectHeard(b, "long ago")
			toB.reset()
			linked(c.key())
			if sent := len(sent[wire.Frontier](toB)); sent != 0 {
				t.Errorf("%d frontiers for an author that was silent", sent)
			}
			linked()
			pass(time.Second)
			n.expectHeard(b, "long ago", "just now")
		})
	}
}

// So does one to which a frontier is on its way meanwhile, which may be older than the record.
func TestLateNewsAfterAFrontier(t *testing.T) {
	for _, bySums := range []bool{false, true} {
		inBubble(t, 3, func(t *testing.T, n *net) {
			a, b, c := n.members[0], n.members[1], n.members[2]
			n.link(a, b)
			n.link(a, c)
			toB := a.links[b.key()]
			toB.can = map[string]bool{wire.CapFeeds: bySums}
			pass(time.Second)
			a.SetNeighbours(toB, identity.NewKeySet(a.key(), c.key()))
			n.say(c, "just now")
			pass(10 * time.Millisecond)
			a.Replica.mu.Lock()
			a.Replica.mu.peers[b.key()].sending = true
			a.Replica.mu.Unlock()
			a.SetNeighbours(toB, identity.NewKeySet(a.key()))
			pass(10 * time.Millisecond)
			n.expectHeard(b)
			a.frontiers.onFrontierSent(toB)
			pass(10 * time.Millisecond)
			n.expectHeard(b, "just now")
		})
	}
}

// The cached hearers of an author are dropped when a peer names other links, and when a link comes or goes.
func TestHearersFollowLinks(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		a, b, c, d := n.members[0], n.members[1], n.members[2], n.members[3]
		n.link(a, b)
		n.link(a, c)
		toB := a.links[b.key()]
		handedOn := func(text string, l *testLink) int {
			l.reset()
			n.say(c, text)
			pass(time.Second)
			return len(sent[wire.Record](l))
		}
		handedOn("c's name comes with its first words", toB)
		names := func(keys ...identity.Key) { a.SetNeighbours(toB, identity.NewKeySet(append(keys, a.key())...)) }
		for _, step := range []struct {
			what string
			do   func()
			want int
		}{
			{"b names no link to c", func() { names() }, 1},
			{"b names one", func() { names(c.key()) }, 0},
			{"b's link to c has gone", func() { names() }, 1},
		} {
			step.do()
			if got := handedOn(step.what, toB); got != step.want {
				t.Errorf("%s: %d records, want %d", step.what, got, step.want)
			}
		}
		n.link(a, d)
		toD := a.links[d.key()]
		if got := handedOn("d is here", toD); got != 1 {
			t.Errorf("%d records for a new link", got)
		}
		a.SetNeighbours(toD, identity.NewKeySet(c.key(), a.key()))
		handedOn("d names c, and is left out", toD)
		a.LinkDown(toD) // the harness would name neighbours anew
		if got := handedOn("d has gone", toD); got != 0 {
			t.Errorf("%d records for a link that has gone", got)
		}
		a.PrepareLink(toD, wire.InRoom{})()
		if got := handedOn("d is here again", toD); got != 1 {
			t.Errorf("%d records for a link that came again", got)
		}
		a.SetNeighbours(toB, identity.NewKeySet(c.key(), a.key()))
		handedOn("b names c, and is left out", toB)
		a.PrepareLink(toB, wire.InRoom{})() // another link takes this one's place
		if got := handedOn("b has not named c on this link", toB); got != 1 {
			t.Errorf("%d records for a link that took another one's place", got)
		}
		for i := range 2 * maxHearers {
			a.Replica.mu.Lock()
			a.hearersLocked(strangerOf(t, i, 1, 1, 10)[0].Author())
			a.Replica.mu.Unlock()
		}
		if n := len(a.Replica.mu.hearers); n > maxHearers {
			t.Errorf("hearers of %d authors are cached", n)
		}
	})
}

// Invented authors don't fill memory: so many are remembered, for so long.
func TestLateRecordsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		late := lateRecords{}
		for i := range 2 * maxLate {
			late.note(strangerOf(t, i, 1, 1, 10)[0])
		}
		if len(late) != maxLate {
			t.Errorf("%d are remembered, want %d", len(late), maxLate)
		}
		time.Sleep(staleFor)
		if late.forget(); len(late) != maxLate {
			t.Errorf("%d are remembered after %v", len(late), staleFor)
		}
		time.Sleep(time.Nanosecond)
		if late.forget(); len(late) != 0 {
			t.Errorf("%d are remembered for ever", len(late))
		}
	})
}
