package replica

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// isSlow reports whether a member takes another for slow.
func (m *member) isSlow(other *member) bool {
	m.Replica.mu.Lock()
	defer m.Replica.mu.Unlock()
	return len(m.Replica.mu.peers[other.key()].slow) > 0
}

// A peer whose live queue is full isn't pushed to any more. Others hear everything at once. Once its queue
// was written it catches up, each message once and in order, and is pushed to again.
func TestSlowPeer(t *testing.T) {
	inBubble(t, 3, func(t *testing.T, n *net) {
		a, b, c := n.members[0], n.members[1], n.members[2]
		n.link(a, b)
		n.link(a, c)
		pass(time.Second)
		l := a.links[c.key()]
		l.hold(true)
		texts := n.say(a, numbered("message", 3000)...)
		pass(time.Second)
		n.expectHeard(b, texts...)
		if !a.isSlow(c) || a.isSlow(b) {
			t.Errorf("slow: %v, %v", a.isSlow(c), a.isSlow(b))
		}
		if got := len(sent[wire.Record](l)); got != 1024 {
			t.Errorf("%d records were pushed to the slow peer", got)
		}
		l.hold(false)
		pass(time.Second)
		n.expectHeard(c, texts...)
		if a.isSlow(c) {
			t.Error("it has everything and is slow")
		}
		l.reset()
		n.say(a, "live again")
		pass(time.Second)
		n.expectHeard(c, append(texts, "live again")...)
		if len(sent[wire.Record](l)) != 1 || len(sent[wire.Records](l)) != 0 || a.delivered() != "2/2" {
			t.Errorf("not pushed; delivered to %s", a.delivered())
		}
		n.expectLevel()
	})
}

// A slow peer reports at once when it has all that the frontier named, so that it doesn't wait for a ping to be
// level. No member pings here.
func TestLevelAtOnce(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		r := a.Replica
		r.mu.Lock()
		p := r.mu.linked[0]
		r.slowPeers.setSlowLocked(p, a.key())
		r.mu.Unlock()
		texts := n.say(a, numbered("while slow", 2*levelRecords)...)
		pass(time.Second)
		n.expectHeard(b)
		a.Drained(a.links[b.key()])
		pass(time.Second)
		n.expectHeard(b, texts...)
		if a.isSlow(b) {
			t.Error("the peer has everything and is slow")
		}
	})
}

// A slow peer that lacks only few records is brought level by pushing these; messages that are too many or
// too large for that it must ask for.
func TestTail(t *testing.T) {
	for _, c := range []struct {
		name  string
		texts []string
		few   bool
	}{
		{"few", numbered("message", levelRecords-1), true},
		{"many", numbered("message", levelRecords+1), false},
		{"large", slices.Repeat([]string{strings.Repeat("x", 8000)}, 20), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, 2, func(t *testing.T, n *net) {
				a, b := n.members[0], n.members[1]
				n.link(a, b)
				n.say(a, "before")
				pass(time.Second)
				l := a.links[b.key()]
				a.Replica.mu.Lock()
				a.slowPeers.setSlowLocked(a.Replica.mu.linked[0], a.key())
				a.Replica.mu.Unlock()
				n.say(a, c.texts...)
				l.reset()
				a.Drained(l)
				pass(time.Second)
				n.expectHeard(b, append([]string{"before"}, c.texts...)...)
				if pushed := len(sent[wire.Record](l)); (pushed == len(c.texts)) != c.few || a.isSlow(b) {
					t.Errorf("%d were pushed", pushed)
				}
			})
		})
	}
}

// The rest is pushed as far as the queue takes it: a peer whose queue is full again stays slow, and is
// level later.
func TestSlowAgain(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, "before")
		pass(time.Second)
		l := a.links[b.key()]
		l.mu.Lock()
		l.mu.limits[live] = 10
		l.mu.Unlock()
		a.Replica.mu.Lock()
		a.slowPeers.setSlowLocked(a.Replica.mu.linked[0], a.key())
		a.Replica.mu.Unlock()
		texts := n.say(a, numbered("message", 100)...)
		a.Drained(l)
		pass(time.Second)
		n.expectHeard(b, append([]string{"before"}, texts...)...)
		if a.isSlow(b) {
			t.Error("it is slow for good")
		}
		if got := a.delivered(); got != "1/1" {
			t.Errorf("delivered to %s", got)
		}
	})
}

// Drained by a link that was replaced, or of a peer that isn't slow, sends nothing.
func TestDrainedOfOthers(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l := a.links[b.key()]
		l.reset()
		a.Drained(l)
		a.Drained(deadLink(b.key()))
		if got := len(sent[wire.Frontier](l)); got != 0 {
			t.Errorf("%d frontiers", got)
		}
	})
}

// A peer that lacks much of one author, who goes on and on, isn't slow for others any more once it lacks little of them.
func TestOneAuthorKeepsNoOtherSlow(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		l, flooder, other := a.links[b.key()], a.key(), testID(98).Key()
		r := a.Replica
		r.mu.Lock()
		p := r.mu.linked[0]
		for _, author := range []identity.Key{flooder, other} {
			r.slowPeers.setSlowLocked(p, author)
		}
		r.mu.Unlock()
		n.say(a, numbered("flood", 2*levelRecords)...)
		for _, rec := range chain(t, 7, "other", 5) {
			a.Record(deadLink(testID(97).Key()), rec)
		}
		l.reset()
		r.mu.Lock()
		p.advertised = r.frontiers.frontierForLocked(p)
		r.slowPeers.followSlowLocked(p, nil) // it has nothing yet
		slow := maps.Clone(p.slow)
		r.mu.Unlock()
		pass(0)
		if slow[other] || !slow[flooder] {
			t.Errorf("slow for the flooder: %v, for the other: %v", slow[flooder], slow[other])
		}
		if got := sent[wire.Record](l); len(got) != 5 {
			t.Errorf("%d records were pushed, want those of the other", len(got))
		}
		a.Drained(l)
		pass(time.Second)
		n.expectLevel()
	})
}

// A peer is slow for a bounded number of authors, and more of them lose it nothing.
func TestSlowAuthorsAreBounded(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		pass(time.Second)
		r := a.Replica
		r.mu.Lock()
		p := r.mu.linked[0]
		for i := range maxSlow {
			r.slowPeers.setSlowLocked(p, testID(1000+i).Key())
		}
		r.slowPeers.setSlowLocked(p, testID(98).Key())
		if len(p.slow) != maxSlow || p.slow[testID(98).Key()] {
			t.Errorf("slow for %d authors", len(p.slow))
		}
		r.mu.Unlock()
	})
}

// A peer whose hash is ours isn't slow any more, though the frontier that was to tell so was lost.
func TestEqualHashEndsSlowness(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, "before")
		pass(time.Second)
		r := a.Replica
		r.mu.Lock()
		r.slowPeers.setSlowLocked(r.mu.linked[0], a.key())
		r.mu.Unlock()
		b.ping(a)
		pass(time.Second)
		if a.isSlow(b) {
			t.Error("its hash is ours and it is slow")
		}
	})
}
