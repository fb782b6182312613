package mesh

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func shape(most time.Duration, unreachable bool) memnet.Link {
	return memnet.Link{MinLatency: most / 10, MaxLatency: most, Unreachable: unreachable}
}

// dials records when and where a member dialled.
type dials struct {
	mu      sync.Mutex
	from    time.Time
	at      []time.Duration
	to      []string
	running int
	most    int // at once
}

func (d *dials) option() option {
	return func(c *setup) {
		if d.from.IsZero() {
			d.from = time.Now()
		}
		inner := c.dial
		c.dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			d.mu.Lock()
			d.at, d.to = append(d.at, time.Since(d.from)), append(d.to, addr)
			d.running++
			d.most = max(d.most, d.running)
			d.mu.Unlock()
			defer func() { d.mu.Lock(); d.running--; d.mu.Unlock() }()
			return inner(ctx, network, addr)
		}
	}
}

func (d *dials) count() int { return len(d.times()) }

func (d *dials) times() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.at)
}

// TestConnectKeeps checks that Connect to a peer that discovery has linked leaves that link alone, by any
// address and however often, and connects again when the link is lost.
func TestConnectKeeps(t *testing.T) {
	greater, lesser := pairOf(1, 2)
	for _, swapped := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, 1, 20*time.Millisecond)
			x, y := greater, lesser
			if swapped {
				x, y = y, x
			}
			a, b := join(t, host(n, 1), x), join(t, host(n, 2), y)
			host(n, 2).AddAddr(netip.MustParseAddr("10.1.0.2"))
			a.Hint(b.key(), b.at())
			b.Hint(a.key(), a.at())
			time.Sleep(10 * time.Second)
			for range 5 {
				a.Connect(b.addr)
				a.Connect("10.1.0.2:8080")
				b.Connect(a.addr)
			}
			time.Sleep(10 * time.Minute)
			same(t, "a", a.history(b.key()), "up")
			same(t, "b", b.history(a.key()), "up")
			if len(a.troubles())+len(b.troubles()) > 0 {
				t.Errorf("trouble %v, %v", a.troubles(), b.troubles())
			}
			n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
			time.Sleep(5 * time.Second)
			if !linked(a, b) {
				t.Error("not linked 5 s after a reset")
			}
			if h := a.history(b.key()); count(h, "down: lost") != 1 || count(h, "up") != 2 {
				t.Errorf("a: %q", h)
			}
			quit(a, b)
		})
	}
}

// TestConnectAndHints reaches a peer both ways at once, and again after each loss, over and over.
func TestConnectAndHints(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, seed, 200*time.Millisecond)
			a, b := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2))
			for _, m := range []*member{a, b} {
				m.Connect(a.addr)
				m.Connect(b.addr)
				m.Connect(b.addr)
			}
			for round := range 5 {
				beacons(20*time.Second, a, b)
				if !linked(a, b) {
					t.Fatalf("seed %d, round %d: not linked", seed, round)
				}
				if h := a.history(b.key()); count(h, "up") != round+1 || count(h, "down: lost") != round {
					t.Errorf("seed %d, round %d: %q", seed, round, h)
				}
				n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
			}
			quit(a, b)
		})
	}
}

// isRefusal reports whether an error is a peer's Bye with a reason.
func isRefusal(err error, reason string) bool {
	var bye *link.ByeError
	return errors.As(err, &bye) && bye.Reason == reason
}

// TestTrouble checks that the same reason is reported once, and another again.
func TestTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		var d dials
		var elsewhere atomic.Bool
		admit := func(c *setup) {
			c.Admit = func(wire.Hello) string {
				if elsewhere.Load() {
					return wire.ByeRoom
				}
				return ""
			}
		}
		a := join(t, host(n, 1), identityOf(1), d.option(), admit)
		h := host(n, 2)
		a.Connect("10.0.0.2:8080")
		time.Sleep(10 * time.Minute)
		if len(a.troubles()) != 1 {
			t.Errorf("trouble %v, want that it is refused", a.troubles())
		}
		if c := d.count(); c < 12 || c > 20 {
			t.Errorf("%d dials in 10 minutes", c)
		}
		// A peer of another room is reported, and dialled no more often.
		before := d.count()
		elsewhere.Store(true)
		b := join(t, h, identityOf(2), admit)
		time.Sleep(time.Minute)
		if told := a.troubles(); len(told) != 2 || !isRefusal(told[1], wire.ByeRoom) {
			t.Errorf("trouble %v, want that it is in another room", told)
		}
		time.Sleep(10 * time.Minute)
		if c := d.count() - before; c > 20 {
			t.Errorf("%d dials in 11 minutes", c)
		}
		quit(a, b)
	})
}

// TestNoDialWithoutNeed checks that a route whose peer is linked is not dialled again, nor a peer that left,
// but for the person's own routes.
func TestNoDialWithoutNeed(t *testing.T) {
	for _, named := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, 1, 20*time.Millisecond)
			greater, lesser := pairOf(1, 2)
			var d dials
			a, b := join(t, host(n, 1), lesser, d.option()), join(t, host(n, 2), greater)
			if named {
				a.Connect(b.addr)
			} else {
				a.Hint(b.key(), b.at())
			}
			time.Sleep(10 * time.Minute)
			if h := a.history(b.key()); count(h, "up") != 1 || d.count() != 1 {
				t.Errorf("named %v: %d dials, %q", named, d.count(), h)
			}
			b.Close()
			time.Sleep(10 * time.Minute)
			if again := d.count() - 1; again > 0 != named {
				t.Errorf("named %v: %d dials after the peer has left", named, again)
			}
			quit(a)
		})
	}
}
