package replica

import (
	"testing"
	"time"
)

// While messages are gathered each link gathers, and has what waits go out every AckEvery.
func TestGather(t *testing.T) {
	inBubble(t, 4, func(t *testing.T, n *net) {
		a, b, c, d := n.members[0], n.members[1], n.members[2], n.members[3]
		n.link(a, b)
		n.link(a, c)
		expect := func(when string, gathers bool, least, most int64) {
			t.Helper()
			for _, l := range a.links {
				if got := l.releases.Swap(0); l.gathers.Load() != gathers || got < least || got > most {
					t.Errorf("%s: gathers %v, %d releases, want %v and %d to %d", when, l.gathers.Load(), got, gathers, least, most)
				}
			}
		}
		pass(time.Second)
		expect("at first", false, 0, 0)
		a.Gather(true)
		a.Gather(true)
		expect("at once", true, 0, 0)
		pass(10 * AckEvery)
		expect("after a while", true, 5, 11)
		n.link(a, d)
		expect("with a new link", true, 0, 1)
		a.Gather(false)
		pass(10 * AckEvery)
		expect("afterwards", false, 0, 1)
		n.say(a, "heard all the same")
		pass(time.Second)
		n.expectHeard(b, "heard all the same")
	})
}
