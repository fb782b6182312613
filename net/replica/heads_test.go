package replica

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/wire"
)

// A few peers hear what has changed, each at most once in headsEvery, however fast records come. The feed's author and
// programs without the capability hear nothing.
func TestHeadsAreFew(t *testing.T) {
	inBubble(t, 7, func(t *testing.T, n *net) {
		a, speaker, old := n.members[0], n.members[1], n.members[2]
		old.caps = nil
		for _, m := range n.members[1:] {
			n.link(a, m)
		}
		pass(time.Second)
		total := func() (frames, feeds int) {
			for _, m := range n.members[1:] {
				for _, h := range sent[wire.Heads](a.links[m.key()]) {
					if m == old || m == speaker {
						t.Errorf("%s was told", m.host.mu.name)
					}
					frames++
					feeds += len(h.Feeds)
				}
				a.links[m.key()].reset()
			}
			return frames, feeds
		}
		total()
		n.say(speaker, "one")
		pass(headsEvery + 100*time.Millisecond)
		if frames, feeds := total(); frames == 0 || frames > headsTo || feeds != frames {
			t.Errorf("one message: %d frames of %d feeds", frames, feeds)
		}
		const rounds = 20
		for range rounds * 25 {
			n.say(speaker, "more")
			pass(headsEvery / 25)
		}
		pass(time.Second)
		if frames, feeds := total(); frames < rounds/2 || frames > headsTo*(rounds+1) || feeds != frames {
			t.Errorf("%d frames of %d feeds in %d rounds", frames, feeds, rounds)
		}
		n.say(a, "our own")
		pass(time.Second)
		if frames, _ := total(); frames != 0 {
			t.Errorf("%d frames about our own feed", frames)
		}
	})
}

// A peer that lies about its heads causes a few questions a second and nothing else, however often it lies.
func TestFalseHeadsCostLittle(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		for i := range 2 * maxChanged {
			a.give(chain(t, record.Feed(100+i), "x", 3)...)
		}
		pass(2 * time.Second)
		l := a.links[b.key()]
		author := testID(98).Key()
		lie := func(seq uint64) (m wire.Heads) {
			m.Room = a.ID()
			for i := range 2 * maxChanged {
				m.Feeds = append(m.Feeds, wire.Holding{Author: author, Feed: record.Feed(100 + i).String(), Seq: seq, Head: "00000000000000aa"})
			}
			m.Votes = append(m.Votes, wire.HeldVotes{Proposal: strings.Repeat("ab", 32), Bits: []byte{1}})
			return m
		}
		l.hold(true) // b answers nothing
		l.reset()
		const seconds = 5
		for range seconds * 10 {
			for _, seq := range []uint64{2, 1, 1 << 50} {
				a.Message(l, lie(seq))
			}
			pass(time.Second / 10)
		}
		pass(time.Second)
		searches, asked := 0, 0
		for _, w := range sent[wire.Want](l) {
			searches += len(w.Ranges)
			asked += len(w.Votes)
		}
		if searches == 0 || searches > searchesOf*(seconds+2) {
			t.Errorf("%d searches in %d s", searches, seconds)
		}
		if asked != 1 {
			t.Errorf("asked for votes %d times, while the first question waits", asked)
		}
		said := 0
		for _, h := range sent[wire.Heads](l) {
			said += len(h.Feeds)
		}
		if said > maxChanged*(seconds+2)*int(time.Second/headsEvery) {
			t.Errorf("%d heads were said in return", said)
		}
		a.Replica.mu.Lock()
		beyond := len(a.Replica.mu.peers[b.key()].beyond)
		a.Replica.mu.Unlock()
		if beyond != 0 {
			t.Errorf("%d claims are remembered", beyond)
		}

		refused := len(a.host.refusals())
		long := lie(2)
		long.Feeds = append(long.Feeds, long.Feeds[0])
		a.Message(l, long)
		a.Message(l, wire.Heads{Room: a.ID(), Feeds: []wire.Holding{{Feed: "?"}}})
		a.Message(l, wire.Heads{Room: a.ID(), Votes: []wire.HeldVotes{{Proposal: "?"}}})
		if got := a.host.refusals()[refused:]; len(got) != 3 || got[0] != "malformed heads" {
			t.Errorf("refused %q", got)
		}
	})
}

// A peer that holds less of a feed than another names answers with its own end of it, unless the rest comes meanwhile.
func TestShorterChainsAreSaid(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		all := chain(t, 7, "x", 9)
		a.give(all[:5]...)
		pass(2 * time.Second)
		l := a.links[b.key()]
		heads := func(r *record.Record) wire.Heads { return headsOf(a, r) }
		l.hold(true)
		l.reset()
		a.Message(l, heads(all[8]))
		pass(time.Second)
		got := sent[wire.Heads](l)
		if len(got) != 1 || len(got[0].Feeds) != 1 || got[0].Feeds[0] != heads(all[4]).Feeds[0] {
			t.Errorf("answered %+v", got)
		}
		l.reset()
		a.Message(l, heads(all[8]))
		a.Records(deadLink(testID(97).Key()), wire.Records{Room: a.ID()}, all[5:])
		pass(time.Second)
		for _, h := range sent[wire.Heads](l) {
			if h.Feeds[0] != heads(all[8]).Feeds[0] {
				t.Errorf("said %+v of a feed that had grown", h)
			}
		}
		if len(sent[wire.Want](l)) != 0 {
			t.Error("a search for a fork that there isn't")
		}
	})
}

// headsOf returns the Heads that name a record as the end of its feed.
func headsOf(m *member, r *record.Record) wire.Heads {
	return wire.Heads{Room: m.ID(), Feeds: []wire.Holding{{Author: r.Author(), Feed: r.Feed().String(), Seq: r.Seq(), Head: fmt.Sprintf("%016x", r.ID().Head())}}}
}

// Changes are said to a few peers, but each that holds more gets its answer.
func TestAllWhoHoldMoreAreAnswered(t *testing.T) {
	inBubble(t, 1+4*headsTo, func(t *testing.T, n *net) {
		a := n.members[0]
		for _, other := range n.members[1:] {
			n.link(a, other)
		}
		all := chain(t, 7, "x", 9)
		a.give(all[:5]...)
		pass(2 * time.Second)
		for _, l := range a.links {
			l.hold(true)
			l.reset()
			a.Message(l, headsOf(a, all[8]))
		}
		pass(time.Second)
		for key, l := range a.links {
			if got := sent[wire.Heads](l); len(got) != 1 || len(got[0].Feeds) != 1 || got[0].Feeds[0] != headsOf(a, all[4]).Feeds[0] {
				t.Errorf("%s was answered %+v", key.Short(), got)
			}
		}
	})
}
