package accept

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestSemaphore checks who gets in, and that what waits gets the place that is left.
func TestSemaphore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, loopback := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("127.0.0.1")
		s := NewSemaphore(4, 1)
		for i, try := range []struct {
			addr netip.Addr
			want bool
		}{{a, true}, {a, false}, {loopback, true}, {loopback, true}, {netip.Addr{}, true}, {b, false}} {
			if got := s.TryEnter(try.addr); got != try.want {
				t.Errorf("%d: %v enters: %v", i, try.addr, got)
			}
		}
		entered := make(chan bool, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { entered <- s.Enter(ctx, a) }()
		synctest.Wait()
		s.Leave(loopback) // a place, but not for this address
		synctest.Wait()
		if len(entered) != 0 {
			t.Error("an address is inside twice")
		}
		s.Leave(a)
		if !<-entered {
			t.Error("what waited didn't get the place")
		}
		go func() { entered <- s.Enter(ctx, a) }()
		if <-entered {
			t.Error("an address is inside twice")
		}
		if s.Enter(ctx, b) {
			t.Error("entered after the end of the context")
		}
	})
}

// TestSemaphoreQueue checks that places go to those who wait in the order in which they came, one for each place, and
// that one who gave up keeps none.
func TestSemaphoreQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(2, 1)
		a := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(n)}) }
		s.TryEnter(a(0))
		s.TryEnter(a(1))
		var order []int
		ctx, cancel := context.WithCancel(t.Context())
		for n, addr := range []int{0, 2, 3, 0, 4} {
			ctx := ctx
			if n != 2 {
				ctx = t.Context()
			}
			go func() {
				if s.Enter(ctx, a(addr)) {
					order = append(order, n)
				}
			}()
			synctest.Wait()
		}
		cancel()
		synctest.Wait()
		for n, leaves := range []int{1, 0, 2, 0} {
			s.Leave(a(leaves))
			synctest.Wait()
			if len(order) != n+1 {
				t.Errorf("%d entered for %d places", len(order), n+1)
			}
		}
		if want := []int{1, 0, 4, 3}; !slices.Equal(order, want) {
			t.Errorf("entered in the order %v, want %v", order, want)
		}
		s.Leave(a(0))
		s.Leave(a(4))
		if s.inside != 0 || len(s.ofAddr) != 0 || len(s.waiting) != 0 {
			t.Errorf("%d inside, %v, %d wait", s.inside, s.ofAddr, len(s.waiting))
		}
	})
}

// TestSemaphoreLastMoment checks that a place which was given to one who gives up in that moment goes on to the next.
func TestSemaphoreLastMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSemaphore(1, 1)
		for range 200 {
			s.TryEnter(netip.Addr{})
			ctx, cancel := context.WithCancel(t.Context())
			first, second := make(chan bool, 1), make(chan bool, 1)
			go func() { first <- s.Enter(ctx, netip.Addr{}) }()
			synctest.Wait()
			go func() { second <- s.Enter(t.Context(), netip.Addr{}) }()
			synctest.Wait()
			go cancel()
			s.Leave(netip.Addr{})
			if <-first {
				s.Leave(netip.Addr{})
			}
			if !<-second {
				t.Fatal("the place was lost")
			}
			s.Leave(netip.Addr{})
		}
	})
}
