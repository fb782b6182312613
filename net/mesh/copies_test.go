package mesh

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
)

// beacons gives all members hints of all others every 5 s, as discovery would, for so long.
func beacons(d time.Duration, all ...*member) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		for _, a := range all {
			for _, b := range all {
				a.Hint(b.key(), b.at())
			}
		}
	}
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// TestCopiedProfile checks two runs of one key, and a third peer that both reach. The older run gets one
// Bye and stops. Nothing flaps, whichever key is greater.
func TestCopiedProfile(t *testing.T) {
	greater, lesser := pairOf(1, 2)
	for what, swapped := range map[string]bool{"the third is greater": false, "the copies are greater": true} {
		synctest.Test(t, func(t *testing.T) {
			third, copied := greater, lesser
			if swapped {
				third, copied = copied, third
			}
			n := network(t, 1, 20*time.Millisecond)
			a := join(t, host(n, 1), third)
			older := join(t, host(n, 2), copied, run(1, "01"))
			older.Connect(a.addr)
			beacons(20*time.Second, a, older)
			newer := join(t, host(n, 3), copied, run(2, "00"))
			newer.Connect(a.addr)
			newer.Connect(older.addr)
			older.Connect(newer.addr)
			a.Connect(older.addr)
			beacons(30*time.Minute, a, older, newer)
			same(t, what+": older", older.history(a.key()), "up", "down: replaced")
			same(t, what+": newer", newer.history(a.key()), "up")
			same(t, what+": third", a.history(copied.Key()), "up", "replaced", "old: ours")
			for _, m := range []*member{older, newer} {
				if h := m.history(m.key()); len(h) != 0 {
					t.Errorf("%s: a link to itself: %q", what, h)
				}
				if len(m.troubles()) != 1 || !errors.Is(m.troubles()[0], link.ErrOwnKey) {
					t.Errorf("%s: trouble %v, want that it is our own key", what, m.troubles())
				}
			}
			// Without the newer run the older one keeps still, though the third peer knows its address.
			quit(newer)
			beacons(5*time.Minute, a, older)
			same(t, what+": older", older.history(a.key()), "up", "down: replaced")
			// A Connect of its user ends that.
			older.Connect(a.addr)
			time.Sleep(time.Second)
			if !linked(a, older) {
				t.Errorf("%s: Connect did not bring the older one back: %q", what, older.history(a.key()))
			}
			quit(a, older)
		})
	}
}

// TestFalseReplaced checks that a peer that says "replaced" without cause keeps only itself away.
func TestFalseReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		a, liar, c := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2)), join(t, host(n, 3), identityOf(3))
		a.Connect(liar.addr)
		time.Sleep(time.Second)
		liar.current(a.key()).Bye("replaced")
		time.Sleep(time.Second)
		beacons(10*time.Minute, a, liar, c)
		same(t, "liar", a.history(liar.key()), "up", "down: replaced")
		if !linked(a, c) {
			t.Error("another peer isn't linked")
		}
		quit(a, liar, c)
	})
}

// TestRestart checks that the later run of a peer takes the place of a link that is only half open, at
// once.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		a := join(t, host(n, 1), identityOf(1))
		before := join(t, host(n, 2), identityOf(2), run(1, "ff"))
		before.Connect(a.addr)
		time.Sleep(10 * time.Second)
		host(n, 2).Cut() // as if its power went
		after := join(t, host(n, 3), identityOf(2), run(2, "00"))
		after.Connect(a.addr)
		time.Sleep(500 * time.Millisecond)
		if !linked(a, after) {
			t.Error("the restarted peer has no link after 500 ms")
		}
		same(t, "restarted", a.history(after.key()), "up", "replaced")
		time.Sleep(10 * time.Minute)
		same(t, "restarted", a.history(after.key()), "up", "replaced", "old: lost")
		before.Close()
		before.group.Close()
		quit(a, after)
	})
}

// TestHalfOpen checks a peer that, in the same run, has lost a link that is only half open here, and dials.
// Its new link must not be taken for a crossed one, whichever side opened the old.
func TestHalfOpen(t *testing.T) {
	greater, lesser := pairOf(1, 2)
	for _, opener := range []string{"greater", "lesser"} {
		for _, loser := range []string{"greater", "lesser"} {
			synctest.Test(t, func(t *testing.T) {
				n := network(t, 1, 20*time.Millisecond)
				members := map[string]*member{
					"greater": join(t, host(n, 1), greater),
					"lesser":  join(t, host(n, 2), lesser),
				}
				a, b := members["greater"], members["lesser"]
				a.Hint(b.key(), b.at())
				if opener == "lesser" {
					n.SetDefault(shape(20*time.Millisecond, true))
					time.Sleep(2 * time.Second)
					n.SetDefault(shape(20*time.Millisecond, false))
					b.Connect(a.addr)
					time.Sleep(500 * time.Millisecond)
				}
				time.Sleep(6 * time.Second)
				if l := members[opener].current(members[other(opener)].key()); l == nil || !l.Dialed() {
					t.Fatalf("the %s has not opened the link", opener)
				}
				x, y := members[loser], members[other(loser)]
				old := y.current(x.key())
				moves(n, map[string]int{"greater": 1, "lesser": 2}[loser]).BreakConns()
				time.Sleep(4 * time.Second)
				if now := y.current(x.key()); !linked(x, y) || now == old {
					t.Errorf("opened by the %s, lost by the %s: %q, %q", opener, loser, x.history(y.key()), y.history(x.key()))
				}
				if h := y.history(x.key()); count(h, "replaced") != 1 {
					t.Errorf("opened by the %s, lost by the %s: %q", opener, loser, h)
				}
				quit(a, b)
			})
		}
	}
}

// TestReconnectAtOnce checks a peer that, in the same run, says goodbye or loses its link, and dials again
// before the old link is down here. The new link stays, whichever side opened each.
func TestReconnectAtOnce(t *testing.T) {
	for _, by := range []string{"goodbye", "loss"} {
		for _, opener := range []byte{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				n := network(t, 1, 20*time.Millisecond)
				greater, lesser := pairOf(1, 2)
				a := join(t, host(n, 1), greater)
				b := join(t, host(n, 2), lesser)
				if opener == 1 && by == "goodbye" {
					a.Connect(b.addr)
				} else { // so soon, a loss looks like a crossing unless the same side opens both
					b.Connect(a.addr)
				}
				time.Sleep(500 * time.Millisecond)
				// a has much to write on a slow line: the old link doesn't come to its end soon.
				host(n, 1).SetBandwidth(20_000, 0)
				a.padding = strings.Repeat("0", 1000)
				for range 1000 {
					a.send()
				}
				if by == "goodbye" {
					b.Block(a.key(), "leaving")
				} else {
					moves(n, 2).BreakConns()
				}
				time.Sleep(100 * time.Millisecond)
				b.Connect(a.addr)
				time.Sleep(2 * time.Second)
				if h := a.history(b.key()); !linked(a, b) || len(h) != 2 || h[1] != "replaced" {
					t.Errorf("%s, first opened by %d: %q, %q", by, opener, h, b.history(a.key()))
				}
				time.Sleep(time.Minute)
				if h := a.history(b.key()); !linked(a, b) || len(h) != 3 {
					t.Errorf("%s, first opened by %d: %q", by, opener, h)
				}
				quit(a, b)
			})
		}
	}
}

// moves gives a host another address, so that others hear nothing more on its connections.
func moves(n *memnet.Network, i int) *memnet.Host {
	h := host(n, i)
	was := h.Addrs()[0]
	h.AddAddr(host(n, i+100).Addrs()[0])
	h.RemoveAddr(was)
	return h
}

func other(s string) string {
	if s == "greater" {
		return "lesser"
	}
	return "greater"
}
