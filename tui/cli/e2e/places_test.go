package e2e

import (
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"
)

// Of TestCrowd. 134 programs take some 3 GB of memory, and many cores.
var (
	crowd      = flag.Int("crowd", 0, "how many programs TestCrowd starts")
	crowdLinks = flag.Int("crowd.links", 128, "how many links each of TestCrowd's programs can have")
)

// neighbourIDs returns the ids of the programs that a peer is linked to now.
func (p *peer) neighbourIDs() map[string]bool {
	linked := map[string]bool{}
	for _, h := range p.all() {
		if h.Event == "peer" {
			linked[h.ID] = h.State == "up" || h.State == "late"
		}
	}
	return linked
}

// partitions counts the parts of a room that no link connects.
func partitions(peers []*peer) (n int) {
	linked := map[*peer]map[string]bool{}
	for _, p := range peers {
		linked[p] = p.neighbourIDs()
	}
	seen := map[*peer]bool{}
	var visit func(p *peer)
	visit = func(p *peer) {
		seen[p] = true
		for _, q := range peers {
			if !seen[q] && linked[p][q.ready.ID] && linked[q][p.ready.ID] {
				visit(q)
			}
		}
	}
	for _, p := range peers {
		if !seen[p] {
			n++
			visit(p)
		}
	}
	return n
}

// untilWhole waits until programs are one room, and returns how long that took.
func untilWhole(t *testing.T, peers []*peer, most time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	poll(t, "one room", most, func() bool { return partitions(peers) == 1 })
	return time.Since(began)
}

// poll waits until something holds, and looks at it ever more seldom.
func poll(t *testing.T, what string, most time.Duration, holds func() bool) {
	t.Helper()
	wait, deadline := 10*time.Millisecond, time.After(most)
	for ; !holds(); wait = min(2*wait, 2*time.Second) {
		select {
		case <-time.After(wait):
		case <-deadline:
			t.Fatalf("not %s after %v", what, most)
		}
	}
}

// hearAll has speakers say something, one after the other, which all others must hear. It returns the longest time
// that a message took to one of them.
func hearAll(t *testing.T, what string, speakers, peers []*peer) (longest time.Duration) {
	t.Helper()
	for i, p := range speakers {
		text, said := fmt.Sprint(what, " ", i), time.Now()
		p.says(text)
		for _, q := range peers {
			if q != p {
				longest = max(longest, q.hears(p, text).at.Sub(said))
			}
		}
	}
	return longest
}

// Nine programs with four links each are one room: a message reaches all others. Three are killed, and the others are
// one room again. TestNineOfFourLinks of package node measures the times with a clock of its own.
func TestNineOfFourLinks(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 20 s")
	}
	cmd := neighbours(t)
	var all []*peer
	for i := range 9 {
		all = append(all, begin(t, cmd(fmt.Sprint("P", i), "--max-links", "4")))
	}
	t.Logf("one room after %v", untilWhole(t, all, patience))
	t.Logf("a message reaches all others within %v", hearAll(t, "before", all, all))
	for _, p := range all[3:6] {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
	rest := slices.Concat(all[:3], all[6:])
	for _, gone := range all[3:6] {
		for _, p := range rest {
			poll(t, "without those who were killed", patience, func() bool { return !p.neighbourIDs()[gone.ready.ID] })
		}
	}
	t.Logf("one room again after %v", untilWhole(t, rest, patience))
	t.Logf("a message reaches all others within %v", hearAll(t, "after", rest, rest))
	for _, p := range rest {
		p.quits()
	}
}

// More programs than a peer can have links are one room.
func TestCrowd(t *testing.T) {
	if *crowd == 0 {
		t.Skip("-crowd 134 starts so many programs")
	}
	cmd := neighbours(t)
	began := time.Now()
	var all []*peer
	for i := range *crowd {
		all = append(all, begin(t, cmd(fmt.Sprint("P", i), "--max-links", fmt.Sprint(*crowdLinks))))
	}
	t.Logf("%d programs have started after %v", *crowd, time.Since(began))
	untilWhole(t, all, patience+2*time.Minute)
	t.Logf("one room after %v", time.Since(began))
	// All find their places within two minutes. From then on no link ends.
	before := 0
	poll(t, "two minutes old", patience+2*time.Minute, func() bool {
		before = endsOfLinks(all)
		return time.Since(began) >= 2*time.Minute
	})
	t.Logf("a message reaches all others within %v", hearAll(t, "hello", all, all))
	if took := time.Since(began); endsOfLinks(all) != before {
		t.Errorf("%d links have ended in a whole room, %v after the start", endsOfLinks(all)-before, took)
	}
	most, least := 0, *crowd
	for _, p := range all {
		n := 0
		for _, linked := range p.neighbourIDs() {
			if linked {
				n++
			}
		}
		most, least = max(most, n), min(least, n)
	}
	t.Logf("%d to %d links each, one holds %d MiB", least, most, bytesOf(t, fmt.Sprintf("/proc/%d/status", all[0].cmd.Process.Pid), "VmRSS")>>20)
	if most > *crowdLinks {
		t.Errorf("%d links", most)
	}
}

// endsOfLinks counts how often a peer that was linked wasn't any more.
func endsOfLinks(peers []*peer) (n int) {
	for _, p := range peers {
		linked := map[string]bool{}
		for _, h := range p.all() {
			if h.Event == "peer" {
				up := h.State == "up" || h.State == "late"
				if linked[h.ID] && !up {
					n++
				}
				linked[h.ID] = up
			}
		}
	}
	return n
}
