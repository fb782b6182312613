package mesh

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestYieldBeforeTheFirstDial checks that the smaller key waits before its first dial while links come up one after the
// other, 4 s at most, and before no later one: a peer that can't dial us would else be linked late.
func TestYieldBeforeTheFirstDial(t *testing.T) {
	for _, c := range []struct {
		name   string
		busy   time.Duration // how long links come up
		first  time.Duration // when the first dial is due
		larger bool          // whether we have the greater key
	}{
		{"calm", 0, smallerKeyDelay, false},
		{"busy for a while", 3 * time.Second, 3500 * time.Millisecond, false},
		{"busy all the time", time.Minute, smallerKeyDelay + yieldMost, false},
		{"the greater key", time.Minute, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := network(t, 1, 0)
				peer, self := pairOf(1, 2)
				if c.larger {
					self, peer = peer, self
				}
				var d dials
				a := join(t, host(n, 1), self, d.option())
				from := time.Now()
				linkUp := func() {
					a.Mesh.mu.Lock()
					defer a.Mesh.mu.Unlock()
					a.recent.add(time.Now())
				}
				for range busyLinks {
					if c.busy > 0 {
						linkUp()
					}
				}
				a.Hint(peer.Key(), []netip.AddrPort{netip.MustParseAddrPort("10.0.0.2:8080")}) // where no one listens
				for time.Since(from) < time.Minute {
					time.Sleep(100 * time.Millisecond)
					if time.Since(from) < c.busy {
						linkUp()
					}
				}
				at := d.times()
				if len(at) < 5 {
					t.Fatalf("dials at %v", at)
				}
				if at[0] < c.first || at[0] > c.first+yieldStep {
					t.Errorf("the first dial came after %v, want %v", at[0], c.first)
				}
				for i, gap := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
					if got := at[i+1] - at[i]; got > gap+hintPenalty {
						t.Errorf("the wait before dial %d was %v, want up to %v", i+2, got, gap)
					}
				}
				quit(a)
			})
		})
	}
}
