package replica

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// countSpans returns how many spans a member asks for, and how long its queue of them is.
func (m *member) countSpans() (open, queue int) {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	for _, spans := range m.Replica.mu.spans.byFeed {
		open += len(spans)
	}
	return open, len(m.Replica.mu.spans.queue)
}

// withhold has b take so many feeds with long messages, and a the same feeds with records 3 … 8 withheld. It returns
// the messages that a lacks.
func (n *net) withhold(a, b *member, feeds int) (lacked []string) {
	n.t.Helper()
	for feed := range feeds {
		recs := chain(n.t, record.Feed(7+feed), strings.Repeat("x", 7000), 10)
		b.give(recs...)
		a.lie(recs, 3, 8)
		lacked = append(lacked, messages(recs[3:9])...)
	}
	pass(time.Second)
	if open, _ := a.countSpans(); open != feeds {
		n.t.Fatalf("%d spans, want %d", open, feeds)
	}
	return lacked
}

// expectFilled checks that a member got so many messages, and asks for nothing more.
func (n *net) expectFilled(m *member, before int, lacked []string) {
	n.t.Helper()
	if got := len(m.heard()) - before; got != len(lacked) {
		n.t.Errorf("%d messages came, want %d", got, len(lacked))
	}
	if open, queue := m.countSpans(); open+queue != 0 {
		n.t.Errorf("%d spans are still asked for, of a queue of %d", open, queue)
	}
}

// wantsOfBodies returns the questions about bodies that went over a link.
func wantsOfBodies(l *testLink) (out []wire.Want) {
	for _, w := range sent[wire.Want](l) {
		if w.N >= firstBodies && w.N < 1<<32 {
			out = append(out, w)
		}
	}
	return out
}

// An answer has space for a part of the bodies. The peer is asked for the others again, and for each but a few times.
func TestBodiesLeftOutAreAskedForAgain(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		lacked := n.withhold(a, b, 40) // 1.7 MB of bodies: five answers
		before := len(a.heard())
		n.link(a, b)
		pass(20 * time.Second)
		n.expectFilled(a, before, lacked)
		if got := len(wantsOfBodies(a.links[b.key()])); got < 5 || got > 12 {
			t.Errorf("asked %d times for what fits five answers", got)
		}
	})
}

// What the link has no room for is asked for later.
func TestRefusedQuestionIsAskedAgain(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		lacked := n.withhold(a, b, 3)
		before := len(a.heard())
		n.link(a, b)
		l := a.links[b.key()]
		l.mu.Lock()
		l.mu.limits[control] = 0
		l.mu.Unlock()
		pass(5 * time.Second)
		if got := len(a.heard()) - before; got != 0 {
			t.Fatalf("%d messages came over a full link", got)
		}
		l.mu.Lock()
		l.mu.limits[control] = 256
		l.mu.Unlock()
		pass(5 * time.Second)
		n.expectFilled(a, before, lacked)
	})
}

// stranger links a member to a peer that answers nothing by itself.
func (n *net) stranger(m *member, key identity.Key, caps ...string) *testLink {
	l := newTestLink(m, nil)
	l.key, l.can = key, map[string]bool{}
	for _, capability := range caps {
		l.can[capability] = true
	}
	m.host.mu.Lock()
	m.host.mu.peers[key] = event.Peer{Key: key, Name: "stranger"}
	m.host.mu.Unlock()
	m.PrepareLink(l, wire.InRoom{Room: m.ID(), Frontier: m.Hash()})()
	return l
}

// A peer that doesn't answer is asked again less and less often, and still gets its chance.
func TestSilentPeerIsAskedSeldom(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		lacked := n.withhold(a, b, 100)
		before := len(a.heard())
		silent := n.stranger(a, testID(60).Key(), wire.CapStubs)
		pass(20 * time.Second)
		if got := len(wantsOfBodies(silent)); got != 2 {
			t.Errorf("asked %d times within 20 s", got)
		}
		pass(time.Hour)
		asked := len(wantsOfBodies(silent))
		if asked < 6 || asked > 10 {
			t.Errorf("asked %d times within an hour", asked)
		}
		pass(time.Hour)
		if got := len(wantsOfBodies(silent)) - asked; got < 2 || got > 4 {
			t.Errorf("asked %d times within the next hour", got)
		}
		n.link(a, b)
		pass(time.Minute)
		n.expectFilled(a, before, lacked)
	})
}

// A peer that answers but brings nothing, or ever the same record, is asked for each body once.
func TestEmptyAnswersEnd(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.withhold(a, b, 150)
		l := n.stranger(a, testID(60).Key(), wire.CapStubs)
		asked := map[string]int{}
		for range 20 {
			pass(time.Second)
			for _, w := range wantsOfBodies(l) {
				for _, r := range w.Ranges {
					asked[r.Feed]++
				}
				a.Records(l, wire.Records{Room: a.ID(), N: w.N, End: true}, chain(t, 999, "another", 1))
			}
			l.reset()
		}
		if len(asked) != 150 {
			t.Errorf("asked for %d spans of 150", len(asked))
		}
		for feed, times := range asked {
			if times != 1 {
				t.Errorf("asked %d times for feed %s", times, feed)
			}
		}
	})
}

// Bodies are asked only of peers that name the capability for stubs. Others are asked for the records.
func TestBodiesNeedTheCapability(t *testing.T) {
	for _, able := range []bool{false, true} {
		inBubble(t, 2, func(t *testing.T, n *net) {
			a, b := n.members[0], n.members[1]
			if !able {
				b.caps = nil
			}
			lacked := n.withhold(a, b, 1)
			before := len(a.heard())
			n.link(a, b)
			pass(5 * time.Second)
			wants := sent[wire.Want](a.links[b.key()])
			if len(wants) == 0 {
				t.Error("nothing is asked for")
			}
			for _, w := range wants {
				if w.Bodies != able {
					t.Errorf("able %v: asked for bodies: %v", able, w.Bodies)
				}
			}
			n.expectFilled(a, before, lacked)
		})
	}
}

// Spans that are closed behind one that no one can fill take no memory, and no span is left out or asked for twice when
// the queue is compacted.
func TestClosedSpansAreFreed(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a := n.members[0]
		n.withhold(a, n.members[1], 1) // stays open
		recs := chain(t, 5000, "x", 800)
		a.give(recs...)
		key := recs[0].FeedKey()
		change := func(do func(seq uint64)) {
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			for seq := uint64(2); seq < 800; seq += 2 { // a stub never stands for the first record
				do(seq)
			}
		}
		change(func(seq uint64) { a.spans.addLocked(key, seq, seq) })
		l := n.stranger(a, testID(60).Key(), wire.CapStubs)
		asked := map[uint64]int{}
		for i := range 20 {
			pass(time.Second)
			for _, w := range wantsOfBodies(l) {
				for _, r := range w.Ranges {
					if r.Feed == key.Feed.String() {
						asked[r.From]++
					}
				}
				a.Records(l, wire.Records{Room: a.ID(), N: w.N, End: true}, nil)
			}
			l.reset()
			if i == 1 { // all but those that end in 8, of which three fifths were not asked for yet
				change(func(seq uint64) {
					if seq%10 != 8 {
						a.spans.removeLocked(key, seq)
					}
				})
			}
		}
		for seq := range uint64(800) {
			if got := asked[seq]; seq%10 == 8 && got != 1 || got > 1 {
				t.Errorf("asked %d times for record %d", got, seq)
			}
		}
		if open, queue := a.countSpans(); open != 81 || queue > 2*open {
			t.Errorf("%d spans, a queue of %d", open, queue)
		}
		change(func(seq uint64) { a.spans.removeLocked(key, seq) })
		for range 200 { // closed behind an open one, for ever
			change(func(seq uint64) {
				a.spans.addLocked(key, seq, seq)
				a.spans.removeLocked(key, seq)
			})
		}
		if open, queue := a.countSpans(); open != 1 || queue > 2 {
			t.Errorf("%d spans, a queue of %d", open, queue)
		}
	})
}
