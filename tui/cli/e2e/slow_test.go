package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// One peer takes a byte a second: the others hear everything as before, and once it takes more, it
// gets everything too, in order and each line once.
func TestASlowPeerHoldsNobodyUp(t *testing.T) {
	lines := 20_000
	if testing.Short() {
		lines = 3000
	}
	home := t.TempDir()
	a := begin(t, program(t, home, alone("--name", "Ann")...))
	way := newProxy(t, fmt.Sprint("127.0.0.1:", a.ready.Port))
	slow := begin(t, program(t, home, alone("--name", "Slow", "--connect", way.addr())...))
	a.sees("up", slow)
	b := begin(t, program(t, home, alone("--name", "Ben", "--connect", fmt.Sprint("127.0.0.1:", a.ready.Port))...))
	a.sees("up", b)
	lift := way.throttle()
	for i := range lines {
		a.says(fmt.Sprint("line ", i))
	}
	for i := range lines {
		b.hears(a, fmt.Sprint("line ", i))
	}
	var took []time.Duration
	for i := range 20 {
		text, said := fmt.Sprint("alone ", i), time.Now()
		a.says(text)
		took = append(took, b.hears(a, text).at.Sub(said))
	}
	if slices.Sort(took); took[len(took)/2] > time.Second {
		t.Errorf("lines beside the slow peer took %v", took)
	}
	lift()
	for i := range lines {
		slow.hears(a, fmt.Sprint("line ", i))
	}
	slow.hears(a, "alone 19")
	for _, p := range []*peer{slow, b, a} {
		if heard := p.quits(); p != a && len(heard) != lines+20 {
			t.Errorf("%s heard %d lines, want %d", p.ready.Name, len(heard), lines+20)
		}
	}
}

// The reader of one peer's output stops (a pager, a stuck disk) while the others talk. They lose nothing
// meanwhile, whether they give that peer up or only leave it behind, which depends on how much its
// connection holds; and when the reader goes on it gets everything, in order.
func TestAStuckReaderGetsEverythingLater(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	t.Parallel()
	const lines = 20_000
	cmd := neighbours(t)
	a, b, stuck := begin(t, cmd("Ann")), begin(t, cmd("Ben")), begin(t, cmd("Stuck"))
	a.sees("up", b)
	a.sees("up", stuck)
	b.sees("up", stuck)
	resume := stuck.pause()
	for i := range lines {
		a.says(fmt.Sprint("line ", i))
	}
	for i := range lines {
		b.hears(a, fmt.Sprint("line ", i))
	}
	resume()
	for i := range lines {
		stuck.hears(a, fmt.Sprint("line ", i))
	}
	a.says("welcome back")
	stuck.hears(a, "welcome back")
	for _, p := range []*peer{a, b, stuck} {
		if heard := p.quits(); p != a && len(heard) != lines+1 {
			t.Errorf("%s heard %d lines, want %d", p.ready.Name, len(heard), lines+1)
		}
	}
}
