package replica

import (
	"slices"
	"testing"
	"time"

	"chat.lan/p2pchat/net/room"
	"chat.lan/p2pchat/net/wire"
)

// limitControl sets how many frames a link's control queue takes.
func (l *testLink) limitControl(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.limits[control] = n
}

// A slow peer whose control queue is full at the moment in which it must hear how far we are hears it later, without any
// ping. So does one that is told of some feeds only, because there are many.
func TestSlowPeerWithAFullControlQueue(t *testing.T) {
	for _, feeds := range []int{0, pageFeeds + 1} {
		inBubble(t, 2, func(t *testing.T, n *net) {
			a, b := n.members[0], n.members[1]
			for i := range feeds {
				rec := strangerOf(t, 1000+i, 1, 1, 0)
				a.give(rec...)
				b.give(rec...)
			}
			n.link(a, b)
			pass(2 * time.Second)
			l := a.links[b.key()]
			l.hold(true)
			texts := n.say(a, numbered("message", 3000)...)
			l.limitControl(0)
			l.hold(false)
			pass(5 * time.Second)
			if got := len(b.heard()); got < 1000 || got == len(texts) || !a.isSlow(b) {
				t.Fatalf("%d feeds: %d messages were heard, slow: %v", feeds, got, a.isSlow(b))
			}
			a.Drained(l) // twice between two ticks
			l.limitControl(256)
			pass(10 * time.Second)
			if got := b.heard(); !slices.Equal(got, texts) {
				t.Errorf("%d feeds: %d messages of %d were heard", feeds, len(got), len(texts))
			}
			if a.isSlow(b) {
				t.Error("it has everything and is slow")
			}
		})
	}
}

// A part of a frontier that had no space is sent as it is by then; of two, all is.
func TestUnsentParts(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, "one")
		x, y := strangerOf(t, 50, 1, 3, 10), strangerOf(t, 51, 1, 1, 10)
		a.give(x[:2]...)
		a.give(y...)
		pass(time.Second)
		l := a.links[b.key()]
		part := func(keys ...int) {
			a.Replica.mu.Lock()
			defer a.Replica.mu.Unlock()
			var feeds []room.Holding
			for _, i := range keys {
				h, _ := a.room.HoldingOf([]room.Holding{{Key: x[0].FeedKey()}, {Key: y[0].FeedKey()}}[i].Key)
				feeds = append(feeds, h)
			}
			a.frontiers.sendPartLocked(a.Replica.mu.peers[b.key()], feeds, false)
		}
		frontiers := func() (out []wire.Frontier) {
			l.limitControl(256)
			l.reset()
			pass(2 * time.Second)
			return slices.DeleteFunc(sent[wire.Frontier](l), func(f wire.Frontier) bool { return len(f.Feeds) == 0 })
		}
		l.limitControl(0)
		part(0)
		a.give(x[2])
		if got := frontiers(); len(got) != 1 || !got[0].Part || len(got[0].Feeds) != 1 || got[0].Feeds[0].Seq != 2 {
			t.Errorf("%+v, want the part as it is now", got)
		}
		l.limitControl(0)
		part(0)
		part(1)
		if got := frontiers(); len(got) != 1 || got[0].Part || len(got[0].Feeds) != 3 {
			t.Errorf("%+v, want all", got)
		}
		if got := frontiers(); len(got) != 0 {
			t.Errorf("%d frontiers were sent again", len(got))
		}
	})
}
