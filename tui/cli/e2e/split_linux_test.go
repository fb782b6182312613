package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Four hosts, split two and two while 500 lines are said on each side. When the network is whole again
// all four have the same room within seconds, hardly a record travelled twice, and what is said meanwhile
// is heard at once.
func TestASplitHeals(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	l := newLAN(t, "heal", "red", "blue")
	names := []string{"h1", "h2", "h3", "h4"}
	hosts, peers := make([]*host, 4), make([]*peer, 4)
	for i, name := range names {
		hosts[i] = l.host(name, fmt.Sprintf("10.77.0.%d/16@red", i+1))
		peers[i] = hosts[i].start()
	}
	each := func(do func(p, q *peer, apart bool)) {
		for i, p := range peers {
			for j, q := range peers {
				if i != j {
					do(p, q, i/2 != j/2)
				}
			}
		}
	}
	each(func(p, q *peer, _ bool) { p.sees("up", q) })
	hosts[2].plug("blue")
	hosts[3].plug("blue")
	each(func(p, q *peer, apart bool) {
		if apart {
			p.sees("lost", q)
		}
	})
	for i, p := range peers {
		for n := range 250 {
			p.says(fmt.Sprintf("%s says %d", names[i], n))
		}
	}
	each(func(p, q *peer, apart bool) {
		if !apart {
			p.hears(q, q.ready.Name+" says 249")
		}
		p.next = 0
	})
	before := received(peers)
	held := records(peers[0])

	hosts[2].plug("red")
	hosts[3].plug("red")
	healed := time.Now()
	// Somebody on each side goes on talking.
	live := 0
	var whole time.Time
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for whole.IsZero() || time.Since(whole) < time.Second {
		peers[0].says(fmt.Sprint("live from h1 ", live))
		peers[2].says(fmt.Sprint("live from h3 ", live))
		live++
		<-pace.C
		if whole.IsZero() && everybodyHas(peers) {
			whole = time.Now()
		}
		if time.Since(healed) > patience {
			t.Fatal("not whole in time")
		}
	}
	soon(t, "whole again", healed, whole, 5*time.Second)
	each(func(p, q *peer, _ bool) {
		if q == peers[0] || q == peers[2] {
			p.next = 0
			p.until("last live line", func(h happened) bool { return h.Content == fmt.Sprint("live from ", q.ready.Name, " ", live-1) })
		}
	})

	// Each side lacked what the other had said, and all but the speaker the live lines.
	least := 2*held + 2*held + 3*2*live
	got := 0
	for i, n := range received(peers) {
		got += n - before[i]
	}
	t.Logf("%d records received, %d lacking: %.3f", got, least, float64(got)/float64(least))
	if float64(got) > 1.1*float64(least) {
		t.Errorf("%d records travelled, %d would have done", got, least)
	}
	var delays []time.Duration
	for i, p := range peers {
		for _, h := range p.all() {
			if h.Event != "message" || h.History || !strings.HasPrefix(h.Content, "live") {
				continue
			}
			from := int(h.Content[len("live from h")]-'1') / 2
			if at := time.UnixMilli(h.Time); i/2 == from || at.After(whole) {
				delays = append(delays, h.at.Sub(at))
			}
		}
	}
	slices.Sort(delays)
	if len(delays) < 100 {
		t.Fatalf("only %d live lines were timed", len(delays))
	}
	t.Logf("%d live lines: p50 %v, p99 %v", len(delays), delays[len(delays)/2], delays[len(delays)*99/100])
	if p99 := delays[len(delays)*99/100]; p99 > 100*time.Millisecond+slack {
		t.Errorf("p99 of live lines is %v", p99)
	}

	first := exported(t, l.home, names[0])
	for _, name := range names[1:] {
		settled(t, l.home, name, first)
	}
	if lines := strings.Count(first, "\n"); lines != 1000+4+2*live {
		t.Errorf("%d records in the end, want %d", lines, 1000+4+2*live)
	}
	for _, p := range peers {
		p.quits()
	}
}

// everybodyHas reports whether all have heard the last lines of the others.
func everybodyHas(peers []*peer) bool {
	for _, p := range peers {
		heard := 0
		for _, h := range p.all() {
			if h.Event == "message" && strings.Contains(h.Content, " says ") {
				heard++
			}
		}
		if heard < 750 {
			return false
		}
	}
	return true
}

// received is how many records each has got from others, known or not.
func received(peers []*peer) (out []int) {
	for _, p := range peers {
		out = append(out, status(p).Received)
	}
	return out
}

func records(p *peer) int { return status(p).Records }

func status(p *peer) happened {
	p.says("/status")
	return p.until("status", func(h happened) bool { return h.Event == "status" })
}
