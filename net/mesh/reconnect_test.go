package mesh

import (
	"errors"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/standing"
)

func key(n byte, m byte) identity.Key { return identity.FromSeed([32]byte{n, m, 7}).Key() }

// TestBackoff checks the waits between dials: 1 s · 2ⁿ less up to a quarter, at most a minute. After eight
// rounds there is silence until a hint. The smaller key waits 1.5 s for the greater key first.
func TestBackoff(t *testing.T) {
	greater, lesser := pairOf(1, 2)
	for _, yields := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, 1, 0)
			self, peer := greater, lesser
			first := time.Duration(0)
			if yields {
				self, peer = peer, self
				first = smallerKeyDelay
			}
			var d dials
			a := join(t, host(n, 1), self, d.option())
			there := []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:8080")} // where no one listens
			a.Hint(peer.Key(), there)
			time.Sleep(time.Hour)
			at := d.times()
			if len(at) != maxTries {
				t.Fatalf("%d dials in an hour: %v", len(at), at)
			}
			if at[0] != first {
				t.Errorf("the first dial came after %v", at[0])
			}
			for i := 1; i < maxTries; i++ {
				most := min(time.Second<<(i-1), time.Minute)
				if gap := at[i] - at[i-1]; gap < most*3/4 || gap > most+hintPenalty {
					t.Errorf("wait %d was %v, want up to %v", i, gap, most)
				}
			}
			// A hint begins again; a hint in the middle of a wait ends it.
			start := time.Since(d.from)
			a.Hint(peer.Key(), there)
			time.Sleep(40 * time.Second) // in the wait of 32 s or that of 16
			at = d.times()
			c := len(at)
			if c < maxTries+5 || at[maxTries]-start != first {
				t.Errorf("after a hint: %v", at[maxTries:])
			}
			start = time.Since(d.from)
			a.Hint(peer.Key(), there)
			time.Sleep(2 * time.Second)
			if at = d.times(); len(at) <= c || at[c]-start != first {
				t.Errorf("a hint in the midst of a wait was followed by %v", at[c:])
			}
			quit(a)
		})
	}
}

// TestNoStorm checks that a peer that can't be reached is dialled once a second at most, however many hints
// there are.
func TestNoStorm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		greater, lesser := pairOf(1, 2)
		var d dials
		a := join(t, host(n, 1), greater, d.option())
		for range 10_000 {
			a.Hint(lesser.Key(), []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:8080")})
			time.Sleep(time.Millisecond)
		}
		if c := d.count(); c < 8 || c > 11 {
			t.Errorf("%d dials in 10 s of a hint each millisecond", c)
		}
		quit(a)
	})
}

// TestFlood floods a member with thousands of made-up peers, at addresses that don't answer. The table and
// the dials at a time are bounded. Real peers are reached all the same: one that the user names, one that
// was linked before, and one whose beacons come among the others.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		var d dials
		greatest := identityOf(0)
		for i := range byte(50) { // so that a dials at once
			if id := identityOf(i); id.Key().Compare(greatest.Key()) > 0 {
				greatest = id
			}
		}
		a := join(t, host(n, 1), greatest, d.option())
		met := join(t, host(n, 2), identityOf(101))
		a.Hint(met.key(), met.at())
		time.Sleep(time.Second)
		real, named := join(t, host(n, 3), identityOf(102)), join(t, host(n, 4), identityOf(103))
		hole := host(n, 200)
		hole.Cut()
		// The flood comes from one address, as discovery gives the source of a beacon first.
		made := func(i int) {
			a.Hint(key(byte(i), byte(i>>8)), []netip.AddrPort{netip.MustParseAddrPort("10.0.0.200:8080")})
		}
		flood := func(from, to int) {
			for i := from; i < to; i++ {
				made(i)
				time.Sleep(20 * time.Millisecond) // the rate that discovery lets through
			}
		}
		flood(0, 3000)
		n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
		a.Connect(named.addr)
		a.Hint(real.key(), real.at())
		flood(3000, 3100)
		for _, m := range []*member{met, real, named} {
			if !linked(a, m) {
				t.Errorf("the peer at %s isn't linked", m.addr)
			}
		}
		a.Mesh.mu.Lock()
		if len(a.peers) != maxPeers {
			t.Errorf("%d peers kept, want that the table is full", len(a.peers))
		}
		a.Mesh.mu.Unlock()
		d.mu.Lock()
		if d.most < maxHintedAddr || d.most > maxDials+maxHinted {
			t.Errorf("%d dials at once", d.most)
		}
		d.mu.Unlock()
		// The real peers are still known when they are gone.
		quit(met)
		flood(3100, 5000)
		a.Mesh.mu.Lock()
		if a.peers[met.key()] == nil || a.peers[real.key()] == nil {
			t.Error("a peer that was linked was forgotten for one that never was")
		}
		a.Mesh.mu.Unlock()
		quit(a, real, named)
	})
}

// TestHintsOfOneSource checks a peer that hints at thousands of others who aren't there, at addresses that
// don't answer. It costs no more goroutines than the table has places, and a hint of another source is followed at
// once.
func TestHintsOfOneSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		var d dials
		a, liar := join(t, host(n, 1), identityOf(1), d.option()), standing.SourceOf(netip.MustParseAddr("10.0.0.66"), nil)
		real := join(t, host(n, 3), identityOf(102))
		for i := range 16 {
			host(n, 150+i).Cut()
		}
		before := runtime.NumGoroutine()
		flood := func() {
			for i := range 15_000 {
				at := netip.AddrPortFrom(host(n, 150+i%16).Addrs()[0], uint16(1+i%60_000))
				a.Mesh.Hint(key(byte(i), byte(i>>8)), a.tcp.Routes(at), liar)
			}
		}
		flood()
		a.Hint(real.key(), real.at())
		time.Sleep(3 * time.Second)
		if !linked(a, real) {
			t.Error("a hint of another source isn't followed beside the flood")
		}
		flood()
		synctest.Wait()
		if more := runtime.NumGoroutine() - before; more > maxPeers+100 {
			t.Errorf("the flood costs %d goroutines", more)
		}
		d.mu.Lock()
		if d.most > maxHintedBy+1 {
			t.Errorf("%d dials at once for one source's hints", d.most)
		}
		d.mu.Unlock()
		quit(a, real)
	})
}

// TestWrongKey checks what happens if another key answers where a peer was announced. That is reported
// once, the stranger gets no message, and the peer's other address is tried.
func TestWrongKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		a, b, c := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2)), join(t, host(n, 3), identityOf(3))
		for range 20 {
			a.Hint(b.key(), c.at())
			time.Sleep(5 * time.Second)
		}
		if told := a.troubles(); len(told) != 1 || !errors.Is(told[0], link.ErrWrongKey) {
			t.Errorf("trouble %v, want one ErrWrongKey", told)
		}
		a.Hint(b.key(), append(c.at(), b.at()...))
		time.Sleep(5 * time.Second)
		if !linked(a, b) || len(c.history(a.key())) != 0 {
			t.Errorf("with the peer %q, with the stranger %q", a.history(b.key()), c.history(a.key()))
		}
		quit(a, b, c)
	})
}

// TestFloodOfAddresses checks that made-up peers at many addresses take all places that hints have, and
// none of those for peers that the user names or that were linked before.
func TestFloodOfAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		greater, lesser := pairOf(1, 2)
		var d dials
		a, met, named := join(t, host(n, 1), greater, d.option()), join(t, host(n, 2), lesser), join(t, host(n, 3), identityOf(3))
		a.Hint(met.key(), met.at())
		time.Sleep(longLink + time.Second)
		for i := range 200 {
			host(n, 200+i%10).Cut()
			a.Hint(key(byte(i), 1), []netip.AddrPort{netip.AddrPortFrom(host(n, 200+i%10).Addrs()[0], 8080)})
		}
		time.Sleep(2 * time.Second)
		d.mu.Lock()
		if d.running != maxHinted {
			t.Errorf("%d dials of hints at a time, want %d", d.running, maxHinted)
		}
		d.mu.Unlock()
		n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
		a.Connect(named.addr)
		time.Sleep(1500 * time.Millisecond)
		if l := a.current(met.key()); l == nil || !l.Dialed() || !linked(a, named) {
			t.Error("a known peer is kept out by made-up ones")
		}
		quit(a, met, named)
	})
}

// TestShortLinks checks that a peer whose links break at once is dialled less and less often.
func TestShortLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 20*time.Millisecond)
		a, b := join(t, host(n, 1), identityOf(1)), join(t, host(n, 2), identityOf(2))
		a.Hint(b.key(), b.at())
		for end := time.Now().Add(20 * time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
			n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
		}
		// Both sides dial, each with waits of up to a minute.
		if c := count(a.history(b.key()), "up"); c < 15 || c > 60 {
			t.Errorf("%d links in 20 minutes", c)
		}
		quit(a, b)
	})
}
