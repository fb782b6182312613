package replica

import (
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/wire"
)

// A slow peer of a large room is told of the feeds that it wasn't sent, and not of all.
func TestSlowPeerOfLargeRoom(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 4*pageFeeds, 3, nil)
		a, b, c := n.add(stored(s[0])), n.add(stored(s[1])), n.add(stored(s[2]))
		n.link(a, b)
		n.link(a, c)
		pass(time.Second)
		l := a.links[c.key()]
		l.hold(true)
		texts := n.say(a, numbered("message", 3000)...)
		pass(time.Second)
		n.expectHeard(b, texts...)
		if !a.isSlow(c) {
			t.Error("not slow")
		}
		l.hold(false)
		pass(time.Second)
		n.expectHeard(c, texts...)
		if a.isSlow(c) {
			t.Error("it has everything and is slow")
		}
		n.say(a, "live again")
		pass(time.Second)
		n.expectHeard(c, append(texts, "live again")...)
		n.expectLevel()
		for _, end := range []*testLink{l, l.twin} {
			for _, f := range sent[wire.Frontier](end) {
				if len(f.Feeds) > 1 || !f.Part {
					t.Errorf("a frontier of %d feeds, part: %v", len(f.Feeds), f.Part)
				}
			}
		}
	})
}

// While a peer is slow, a feed of which it was sent the beginning and one that it lacks whole both become level.
func TestSlowPeerFeeds(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 2*pageFeeds, 2, nil)
		a, b := n.add(stored(s[0])), n.add(stored(s[1]))
		n.link(a, b)
		n.say(a, "before")
		pass(time.Second)
		a.Replica.mu.Lock()
		for _, author := range []identity.Key{a.key(), testID(98).Key()} {
			a.slowPeers.setSlowLocked(a.Replica.mu.linked[0], author)
		}
		a.Replica.mu.Unlock()
		texts := n.say(a, numbered("message", 3*levelRecords)...)
		other := chain(t, 7, "other", 20)
		for _, rec := range other {
			a.Record(deadLink(testID(97).Key()), rec)
		}
		a.Drained(a.links[b.key()])
		pass(time.Second)
		if a.isSlow(b) {
			t.Error("it has everything and is slow")
		}
		n.expectLevel()
		if got := len(b.heard()); got != 1+len(texts)+len(other)-1 {
			t.Errorf("%d messages heard", got)
		}
	})
}

// What is said while a slow peer answers is pushed to it, and nothing of these feeds that it was sent before.
func TestSlowPeerTail(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		s := everyMinute(t, 2*pageFeeds, 2, nil)
		a, b := n.add(stored(s[0])), n.add(stored(s[1]))
		n.link(a, b)
		other := chain(t, 7, "other", 30)
		stranger := deadLink(testID(97).Key())
		for _, rec := range other[:20] {
			a.Record(stranger, rec)
		}
		pass(time.Second)
		l := a.links[b.key()]
		a.Replica.mu.Lock()
		for _, author := range []identity.Key{a.key(), testID(98).Key()} {
			a.slowPeers.setSlowLocked(a.Replica.mu.linked[0], author)
		}
		a.Replica.mu.Unlock()
		n.say(a, "while slow")
		l.twin.hold(true)
		a.Drained(l)
		pass(time.Second)
		for _, rec := range other[20:25] {
			a.Record(stranger, rec)
		}
		l.reset()
		l.twin.hold(false)
		pass(time.Second)
		if got := len(sent[wire.Record](l)); got != 2+5 || a.isSlow(b) { // our own two, and five of the other feed
			t.Errorf("%d records were pushed, slow: %v", got, a.isSlow(b))
		}
		n.expectLevel()
	})
}
