package accept

import (
	"context"
	"net/netip"
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
