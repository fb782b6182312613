package mesh

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

// TestBlock checks that Block ends the link and the Connect that brought it, and holds against both sides'
// beacons without many dials. A new Connect undoes it.
func TestBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		var ofA, ofB dials
		a := join(t, host(n, 1), identityOf(1), ofA.option())
		b := join(t, host(n, 2), identityOf(2), ofB.option())
		a.Block(b.key(), wire.ByeLeaving) // of a key that was never heard of
		a.Connect(b.addr)
		time.Sleep(time.Second)
		a.Block(b.key(), wire.ByeLeaving)
		time.Sleep(5 * time.Second)
		atA, atB := ofA.count(), ofB.count()
		beacons(30*time.Minute, a, b)
		same(t, "a", a.history(b.key()), "up", "down: ours")
		same(t, "b", b.history(a.key()), "up", "down: leaving")
		if c := ofA.count() - atA; c != 0 {
			t.Errorf("%d dials to a blocked peer", c)
		}
		if c := ofB.count() - atB; c < 2 || c > 31 {
			t.Errorf("the blocked peer has dialled %d times in 30 minutes", c)
		}
		a.Connect(b.addr)
		time.Sleep(time.Second)
		if !linked(a, b) {
			t.Errorf("Connect has not undone Block: %v", a.troubles())
		}
		quit(a, b)
	})
}

// TestBlockInHandshake blocks a peer at each moment of a link's making, from both sides. There is no link
// afterwards.
func TestBlockInHandshake(t *testing.T) {
	for after := time.Duration(0); after < 500*time.Millisecond; after += 10 * time.Millisecond {
		for _, dialler := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				n := network(t, 1, 100*time.Millisecond)
				a, b := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2))
				a.Hint(b.key(), nil) // does nothing without an address
				if len(a.peers) != 0 {
					t.Fatal("a hint without an address was kept")
				}
				from, to := b, a
				if dialler {
					from, to = a, b
				}
				from.Connect(to.addr)
				a.Mesh.mu.Lock()
				a.peerLocked(b.key(), standing.Source{}) // now it is heard of
				a.Mesh.mu.Unlock()
				time.Sleep(after)
				a.Block(b.key(), wire.ByeLeaving)
				time.Sleep(time.Minute)
				if a.current(b.key()) != nil || b.current(a.key()) != nil {
					t.Errorf("blocked %v after the dial: %q, %q", after, a.history(b.key()), b.history(a.key()))
				}
				if h := a.history(b.key()); count(h, "up") > 1 {
					t.Errorf("blocked %v after the dial: %q", after, h)
				}
				quit(a, b)
			})
		}
	}
}

// TestFull checks that the 129th peer gets a Bye before there is a link, keeps away, and gets in when
// another left.
func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		var others []*link.Link
		for i := range MaxLinks {
			id := identity.FromSeed([32]byte{byte(i), 9})
			cfg, _ := settings(t, id, 0)
			conn, err := host(n, 300+i).DialContext(t.Context(), "tcp", a.addr)
			if err != nil {
				t.Fatal(err)
			}
			l, err := link.Client(t.Context(), conn, cfg.Link, a.key())
			if err != nil {
				t.Fatal(err)
			}
			l.Start(newDiary(t).handler(), nil)
			others = append(others, l)
		}
		synctest.Wait()
		if got := len(a.Links()); got != MaxLinks {
			t.Fatalf("%d links", got)
		}
		var ofLate, ofOther dials
		late := join(t, host(n, 2), identityOf(2), ofLate.option())
		late.Connect(a.addr)
		other := join(t, host(n, 3), identityOf(3), ofOther.option())
		// One of the 128 is linked to both, so that the room is whole without more links of a.
		a.SetNeighbours(a.current(identity.FromSeed([32]byte{1, 9}).Key()), identity.NewKeySet(late.key(), other.key()))
		beacons(5*time.Minute, a, late, other)
		for _, m := range []*member{late, other} {
			if h := a.history(m.key()); len(h) != 0 || len(m.history(a.key())) != 0 {
				t.Errorf("one too many: %q, %q", h, m.history(a.key()))
			}
		}
		var bye *link.ByeError
		if len(late.troubles()) != 1 || !errors.As(late.troubles()[0], &bye) || bye.Reason != wire.ByeFull {
			t.Errorf("trouble %v, want that it is full", late.troubles())
		}
		if !linked(late, other) {
			t.Error("those who don't get in aren't linked to each other")
		}
		// Connect dials 12 times at most, hints once a minute, and the two dial each other. Each looks for another
		// partition, ever more seldom.
		if c, o := ofLate.count(), ofOther.count(); c > 24 || o > 12 {
			t.Errorf("%d and %d dials in 5 minutes", c, o)
		}
		// Our own dials end with ErrFull, too.
		a.Connect(late.addr)
		time.Sleep(time.Second)
		if len(a.troubles()) != 1 || !errors.Is(a.troubles()[0], ErrFull) {
			t.Errorf("trouble %v, want ErrFull", a.troubles())
		}
		others[0].Bye(wire.ByeLeaving)
		beacons(2*time.Minute, a, late, other)
		if (a.current(late.key()) == nil) == (a.current(other.key()) == nil) || len(a.Links()) != MaxLinks {
			t.Errorf("%d links after one left and two wait", len(a.Links()))
		}
		for _, l := range others[1:] {
			l.Bye(wire.ByeLeaving)
		}
		quit(a, late, other)
	})
}

// handler returns the diary for a link without a mesh.
func (d *diary) handler() link.Handler { return bare{d} }

type bare struct{ *diary }

func (b bare) Down(*link.Link, error) {}

// TestFullPause checks that we leave a peer alone for a minute that has sent us away because it was full,
// whatever its beacons say.
func TestFullPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		var ofA dials
		greater, lesser := pairOf(1, 2)
		a, b := join(t, host(n, 1), greater, ofA.option()), join(t, host(n, 2), lesser)
		a.Hint(b.key(), b.at())
		time.Sleep(time.Second)
		b.current(a.key()).Bye(wire.ByeFull)
		before := ofA.count()
		for range 11 {
			time.Sleep(5 * time.Second)
			a.Hint(b.key(), b.at())
		}
		if c := ofA.count() - before; c != 0 || linked(a, b) {
			t.Errorf("%d dials within a minute", c)
		}
		time.Sleep(5 * time.Second)
		a.Hint(b.key(), b.at())
		time.Sleep(time.Second)
		if !linked(a, b) {
			t.Errorf("not tried after a minute: %q", a.history(b.key()))
		}
		quit(a, b)
	})
}

// TestBlockOutlastsFlood checks that made-up peers don't drive a blocked peer out of the table.
func TestBlockOutlastsFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a, b := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2))
		a.Hint(b.key(), b.at())
		time.Sleep(2 * time.Second)
		a.Block(b.key(), wire.ByeLeaving)
		time.Sleep(time.Second)
		a.Mesh.mu.Lock()
		a.peers[b.key()].wasLinked = false // as if it had been a hint only: the first to go
		a.Mesh.mu.Unlock()
		host(n, 200).Cut()
		for i := range 2 * maxPeers {
			a.Hint(key(byte(i), byte(i>>8)), []netip.AddrPort{netip.MustParseAddrPort("10.0.0.200:8080")})
		}
		b.Connect(a.addr)
		time.Sleep(time.Minute)
		if linked(a, b) {
			t.Error("a blocked peer is back")
		}
		quit(a, b)
	})
}
