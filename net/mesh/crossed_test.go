package mesh

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrossedDials has both sides dial at about the same time, while both send all the time. They must
// agree on one link, lose nothing, and see each other come once and not go.
func TestCrossedDials(t *testing.T) {
	runs := 300
	if testing.Short() {
		runs = 40
	}
	crossed := 0
	for seed := range uint64(runs) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			n := network(t, seed, time.Duration(1+rng.IntN(300))*time.Millisecond)
			x, y := pairOf(1, 2)
			a, b := join(t, host(n, 1), x), join(t, host(n, 2), y)
			stop := make(chan struct{})
			var talking sync.WaitGroup
			for _, m := range []*member{a, b} {
				talking.Go(func() {
					tick := time.NewTicker(7 * time.Millisecond)
					defer tick.Stop()
					for {
						select {
						case <-tick.C:
							m.send()
						case <-stop:
							return
						}
					}
				})
			}
			a.Connect(b.addr)
			time.Sleep(time.Duration(rng.IntN(50)) * time.Millisecond)
			b.Connect(a.addr)
			if rng.IntN(2) == 0 { // a beacon, at the same time
				a.Hint(b.key(), b.at())
			}
			time.Sleep(6 * time.Second)
			what := fmt.Sprint("seed ", seed)
			if !linked(a, b) {
				t.Errorf("%s: no link, or not the same one", what)
			}
			unbroken(t, what, a, b)
			h := a.history(b.key())
			crossed += count(h, "old: duplicate") + count(h, "old: ours")
			close(stop)
			talking.Wait()
			quit(a, b)
			if delivered(t, what, a, b) < 500 || delivered(t, what, b, a) < 500 { // about 850 were sent
				t.Errorf("%s: few messages were taken", what)
			}
		})
	}
	t.Logf("%d of %d crossed", crossed, runs)
	if crossed < runs/4 {
		t.Errorf("only %d of %d dials crossed: the test tests nothing", crossed, runs)
	}
}

// TestCrossedDialsTCP checks crossed dials over the kernel's sockets.
func TestCrossedDialsTCP(t *testing.T) {
	runs := 300
	if testing.Short() {
		runs = 40
	}
	taken := 0
	x, y := pairOf(1, 2)
	for i := range runs {
		a, b := joinTCP(t, x), joinTCP(t, y)
		var both sync.WaitGroup
		both.Go(func() { a.Connect(b.addr) })
		both.Go(func() { b.Connect(a.addr) })
		both.Wait()
		for range 40 { // from the first link on, across the change to the second
			for _, m := range []*member{a, b} {
				other := a.key()
				if m == a {
					other = b.key()
				}
				m.await(func() bool { return m.diary.links[other] != nil })
				m.send()
			}
		}
		saidA, saidB := a.count(b), b.count(a)
		if !settled(a, b, func() bool { return b.heard(a) >= saidA && a.heard(b) >= saidB && linked(a, b) }) {
			t.Errorf("run %d: %q, %q; %d of %d messages and %d of %d", i, a.history(b.key()), b.history(a.key()),
				b.heard(a), saidA, a.heard(b), saidB)
		}
		what := fmt.Sprint("run ", i)
		unbroken(t, what, a, b)
		quit(a, b)
		taken += delivered(t, what, a, b) + delivered(t, what, b, a)
	}
	if taken < runs*40 {
		t.Errorf("%d messages were taken, of %d", taken, runs*80)
	}
}
