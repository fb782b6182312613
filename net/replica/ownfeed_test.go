package replica

import (
	"context"
	"testing"
	"time"

	"chat.lan/p2pchat/net/room"
)

// lastEnd returns where a member's own feed ends.
func (m *member) lastEnd(t *testing.T) room.FeedEnd {
	t.Helper()
	end, any := m.OwnEnd()
	if !any {
		t.Fatal("it has no feed")
	}
	return end
}

// confirm does what a caller does before its first message, and returns how long that took.
func (m *member) confirm(t *testing.T) time.Duration {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	at := time.Now()
	m.ConfirmFeed(ctx)
	return time.Since(at)
}

// A run goes on with the feed of the one before, and its messages are acknowledged as ever.
func TestRunGoesOnWithLastFeed(t *testing.T) {
	inBubble(t, 2, func(t *testing.T, n *net) {
		a, b := n.members[0], n.members[1]
		n.link(a, b)
		n.say(a, "one")
		pass(time.Second)
		for i, text := range []string{"two", "three"} {
			end := a.lastEnd(t)
			a = n.restart(0, func(c *Config) { c.Continue = end })
			n.link(a, b)
			if took := a.confirm(t); took > time.Second {
				t.Errorf("confirmed after %v", took)
			}
			n.say(a, text)
			pass(time.Second)
			if now := a.lastEnd(t); now.Feed != end.Feed || now.Seq != uint64(i+2) {
				t.Errorf("%+v after %+v", now, end)
			}
			if a.delivered() != "1/1" {
				t.Errorf("delivered %q", a.delivered())
			}
		}
		n.expectHeard(b, "one", "two", "three")
		n.expectLevel()
	})
}

// A peer that knows the feed further, as of a machine that was set back, makes us leave it before anything is signed.
// So does one that doesn't say in time. Without a peer nothing is waited for. In a large room all is compared by sums.
func TestFeedKnownFurtherIsLeft(t *testing.T) {
	for _, c := range []struct {
		name                 string
		known, silent, large bool
	}{
		{"known further", true, false, false}, {"silent", false, true, false}, {"known as it is", false, false, false},
		{"known further in a large room", true, false, true}, {"silent in a large room", false, true, true},
		{"known as it is in a large room", false, false, true},
	} {
		inBubble(t, 2, func(t *testing.T, n *net) {
			a, b := n.members[0], n.members[1]
			n.say(a, "one")
			pass(time.Second)
			end := a.lastEnd(t)
			back := n.add(func(c *Config) { c.Identity = testID(0) }) // its disk as it was after "one"
			for minute := range 2 * pageFeeds {
				if c.large {
					a.give(n.minute(minute, 1)...)
					b.give(n.minute(minute, 1)...)
				}
			}
			n.link(a, back)
			pass(time.Second)
			n.unlink(a, back)
			n.link(a, b)
			if c.known {
				n.say(a, "two")
			} else {
				n.say(b, "something else")
			}
			pass(time.Second)
			n.unlink(a, b)
			back = n.restart(2, func(cfg *Config) { cfg.Identity, cfg.Continue = testID(0), end })
			if now := back.lastEnd(t); now != end {
				t.Fatalf("%s: it doesn't go on: %+v, %+v", c.name, now, end)
			}
			if took := back.confirm(t); took != 0 {
				t.Errorf("%s: alone it waited for %v", c.name, took)
			}
			n.linkHeld(back, b, c.silent)
			if took := back.confirm(t); (took == 2*time.Second) != c.silent {
				t.Errorf("%s: confirmed after %v", c.name, took)
			}
			n.say(back, "after all")
			if now := back.lastEnd(t); (now.Feed == end.Feed) != (!c.known && !c.silent) {
				t.Errorf("%s: the feed goes on: %v", c.name, now.Feed == end.Feed)
			}
			back.links[b.key()].twin.hold(false)
			pass(5 * time.Second)
			if len(b.notices("two different")) > 0 {
				t.Errorf("%s: a fork", c.name)
			}
		})
	}
}
