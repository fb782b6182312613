package replica

import (
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/record"
	"chat.lan/p2pchat/net/standing"
)

// A smaller room takes from all known authors alike, each of which uses less than an eighth. It takes nothing of ours,
// forgets no one, and the next one who speaks loses nothing.
func TestSmallerRoomOfKnownAuthors(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		a, b := n.add(), n.add()
		n.link(a, b)
		var friends []identity.Key
		for i := range 12 {
			friends = append(friends, testID(51+i).Key())
			a.live(b, strangerOf(t, 51+i, 1, 11, 1000)...)
		}
		for feed := range record.Feed(60) { // this one has many ends, and no records that could go
			a.live(b, strangerOf(t, 70, feed+1, 1, 0)...)
		}
		ends := testID(70).Key()
		a.store.DropOldest(ends, 1<<20)
		n.say(a, strings.Repeat("y", 11_000))
		pass(2 * time.Second)
		own := a.use(a.key())

		const size = 130_000
		a = n.restart(0, sized(size), func(c *Config) {
			for _, key := range append(friends, ends) {
				c.Host.(*testHost).m.rank(key, standing.Known, sourceAt("10.0.0.2"))
			}
		})
		pass(2 * time.Second)
		if used := a.Status().Size.Used; used > size || used < size*4/5 {
			t.Errorf("%d of %d are used", used, size)
		}
		if got := a.use(a.key()); got != own {
			t.Errorf("of our own %d bytes %d are left", own, got)
		}
		for i, key := range friends {
			if records, _ := a.countOf(key); records < 3 || records > 10 {
				t.Errorf("%d records of friend %d are left", records, i)
			}
		}
		if _, feeds := a.countOf(ends); feeds != 60 {
			t.Errorf("%d feeds of 60 are left of a friend that has nothing but ends", feeds)
		}

		n.link(a, b)
		pass(time.Second)
		before, _ := a.countOf(friends[0])
		a.live(b, strangerOf(t, 51, 2, 2, 1000)...)
		n.say(a, "hello")
		pass(2 * time.Second)
		if records, _ := a.countOf(friends[0]); records < before-3 || records < 2 {
			t.Errorf("%d records of %d are left of a friend that spoke", records, before)
		}
		if records, _ := a.countOf(a.key()); records != 5 {
			t.Errorf("%d own records are left, want 5", records)
		}
	})
}

// A known author that has nothing but ends isn't forgotten for the next record, which just isn't taken.
func TestKnownAuthorOfManyEnds(t *testing.T) {
	inBubble(t, 0, func(t *testing.T, n *net) {
		const size = 100_000
		a, b := n.add(sized(size)), n.add()
		n.link(a, b)
		friend, other := testID(51).Key(), testID(52).Key()
		a.rank(friend, standing.Known, sourceAt("10.0.0.2"))
		a.rank(other, standing.Known, sourceAt("10.0.0.2"))
		a.live(b, strangerOf(t, 52, 1, 10, 1000)...)
		for feed := range record.Feed(1000) {
			a.live(b, strangerOf(t, 51, feed+1, 1, 0)...)
			if feed%20 == 0 {
				pass(time.Second)
			}
		}
		pass(time.Second)
		if _, feeds := a.countOf(friend); feeds < 300 {
			t.Errorf("%d feeds are left", feeds)
		}
		if used := a.Status().Size.Used; used > size {
			t.Errorf("%d of %d are used", used, size)
		}
		if records, _ := a.countOf(other); records != 10 {
			t.Errorf("%d records of another friend are left, want 10", records)
		}

		// Nor when the room is over by something else at that moment, such as the evidence of a fork.
		_, feeds := a.countOf(friend)
		a.Replica.mu.Lock()
		a.size.addBytesLocked(other, 2*minDrop)
		a.size.enforceLocked(friend)
		a.Replica.mu.Unlock()
		if _, left := a.countOf(friend); left != feeds {
			t.Errorf("%d feeds of %d are left", left, feeds)
		}
	})
}
