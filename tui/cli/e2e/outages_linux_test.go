package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// pair starts two peers that see each other, on a network of their own.
func pair(t *testing.T, l *lan) (a, b *peer, first, second *host) {
	t.Helper()
	first, second = l.host("ann", "10.77.0.1/16@red"), l.host("ben", "10.77.0.2/16@red")
	a, b = first.start(), second.start()
	a.sees("up", b)
	b.sees("up", a)
	return a, b, first, second
}

// Behind an unplugged cable a peer is late, then lost 10 to 15 s after its last sign. With the cable back
// it is up within 5 s, and the messages sent meanwhile arrive.
func TestUnpluggedCable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	l := newLAN(t, "cable", "red")
	a, b, first, _ := pair(t, l)
	a.says("before")
	heard := b.hears(a, "before").at // no earlier than the last thing, for pings follow
	out := time.Now()
	first.cable("down")
	for _, pair := range [][2]*peer{{a, b}, {b, a}} {
		late := pair[0].sees("late", pair[1])
		lost := pair[0].sees("lost", pair[1])
		soon(t, "late after the cable", out, late.at, 10*time.Second)
		soon(t, "lost after the cable", out, lost.at, 15*time.Second)
		if took := lost.at.Sub(heard); took < 10*time.Second {
			t.Errorf("lost after %v already", took)
		}
		if took := lost.at.Sub(late.at); took < 5*time.Second-slack || took > 5*time.Second+slack {
			t.Errorf("lost %v after late, want 5 s", took)
		}
	}
	a.says("while it was out")
	a.until("the line's own echo", func(h happened) bool { return h.Event == "sent" })
	in := time.Now()
	first.cable("up")
	for _, pair := range [][2]*peer{{a, b}, {b, a}} {
		soon(t, "up after the cable", in, pair[0].sees("up", pair[1]).at, 5*time.Second)
	}
	b.hears(a, "while it was out")
	b.says("after")
	a.hears(b, "after")
	a.quits()
	b.quits()
}

func TestLostAndLeft(t *testing.T) {
	l := newLAN(t, "kill", "red")
	a, b, _, second := pair(t, l)
	killed := time.Now()
	b.cmd.Process.Kill()
	b.cmd.Process.Wait() // it has its profile until then
	soon(t, "lost after kill -9", killed, a.sees("lost", b).at, time.Second)
	b = second.start()
	soon(t, "up after it was started again", b.ready.at, a.sees("up", b).at, time.Second)
	b.says("here I am again")
	a.hears(b, "here I am again")
	quit := time.Now()
	b.says("/quit")
	soon(t, "left after /quit", quit, a.sees("left", b).at, time.Second)
	if code, _ := b.end(); code != 0 {
		t.Errorf("exit %d", code)
	}
	for _, h := range a.all()[*a.seen[b.ready.ID]:] {
		t.Errorf("after it left: %+v", h)
	}
}

// A host that gets another address, by DHCP or another Wi-Fi, is found there.
func TestAddressChange(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 15 s")
	}
	l := newLAN(t, "addr", "red")
	a, b, first, _ := pair(t, l)
	changed := time.Now()
	first.ip("addr", "add", "10.77.0.9/16", "dev", "eth0")
	first.ip("addr", "del", "10.77.0.1/16", "dev", "eth0")
	first.ip("addr", "replace", "10.77.0.9/16", "dev", "eth0") // the kernel may take it away with the first
	h := b.until("the new address", func(h happened) bool {
		return h.Event == "peer" && h.State == "up" && h.ID == a.ready.ID && h.Addr == "10.77.0.9:8080"
	})
	soon(t, "found at the new address", changed, h.at, 17*time.Second)
	a.says("I moved")
	b.hears(a, "I moved")
	b.says("welcome")
	a.hears(b, "welcome")
}

// A machine dies silently, and its user goes on at another machine. The new link replaces the dead link
// at once, before the peer is even late.
func TestRestartElsewhere(t *testing.T) {
	l := newLAN(t, "again", "red")
	a, b, first, _ := pair(t, l)
	first.cable("down")
	a.cmd.Process.Kill()
	a.end()
	a = l.host("spare", "10.77.0.3/16@red").start("--name", "ann")
	h := b.until("the address", func(h happened) bool { return h.ID == a.ready.ID && h.Addr == "10.77.0.3:8080" })
	soon(t, "seen after the restart", a.ready.at, h.at, time.Second)
	a.sees("up", b)
	a.says("it's me")
	b.hears(a, "it's me")
	b.says("I know")
	a.hears(b, "I know")
	for _, h := range b.all() {
		if h.State == "lost" || h.State == "late" {
			t.Errorf("%+v: the dead link was not replaced", h)
		}
	}
}

// A network of four hosts splits in two, and each side sends 500 messages. After it heals, all four have
// the same room within seconds, and hardly a record travels twice. Messages sent meanwhile arrive at once.
func TestNetworkSplit(t *testing.T) {
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
		if whole.IsZero() && allHave(peers) {
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

// allHave reports whether all peers have heard the last messages of the others.
func allHave(peers []*peer) bool {
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

// received returns how many records each peer has received, known or not.
func received(peers []*peer) (out []int) {
	for _, p := range peers {
		out = append(out, status(p).Received)
	}
	return out
}

func records(p *peer) int { return status(p).Records }

// Four hosts vote, and the network splits before the last ballots, which are cast on both sides. When it
// heals, all four have one outcome within 5 s. A fifth peer that comes later learns it, and the
// certificate alone is enough for verify.
func TestVoteAcrossSplit(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	l := newLAN(t, "vote", "red", "blue")
	var hosts []*host
	var peers []*peer
	for i, name := range []string{"ann", "ben", "cem", "dee"} {
		hosts = append(hosts, l.host(name, fmt.Sprintf("10.77.0.%d/16@red", i+1)))
		peers = append(peers, hosts[i].start())
	}
	for _, p := range peers {
		for _, other := range peers {
			if p != other {
				p.sees("up", other)
			}
		}
	}
	peers[0].says("/propose --for 10m we were spammed")
	for _, p := range peers {
		p.outcome("#1", "open", 1, 0)
	}
	hosts[2].plug("blue")
	hosts[3].plug("blue")
	for _, pair := range [][2]int{{0, 2}, {2, 0}, {1, 3}, {3, 1}} {
		peers[pair[0]].sees("lost", peers[pair[1]])
	}
	peers[1].says("/vote #1 no")
	peers[2].says("/y")
	peers[3].says("/vote #1 approve")
	peers[0].outcome("#1", "open", 1, 1)
	peers[1].outcome("#1", "open", 1, 1)
	for _, p := range peers[2:] {
		p.outcome("#1", "passed", 3, 0) // with the proposer's own, whose side doesn't know it
		p.policy("on")
	}
	healed := time.Now()
	hosts[2].plug("red")
	hosts[3].plug("red")
	for _, p := range peers {
		soon(t, p.ready.Name+" knows the outcome", healed, p.outcome("#1", "passed", 3, 1).at, 5*time.Second)
	}
	for _, p := range peers[:2] {
		p.policy("on")
	}

	eve := l.host("eve", "10.77.0.5/16@red")
	fifth := eve.start()
	fifth.policy("on")
	fifth.says("/unsigned hello")
	fifth.until("a refusal", func(h happened) bool { return h.Event == "error" && strings.Contains(h.Text, "#1") })

	file := filepath.Join(t.TempDir(), "certificate")
	fifth.says("/proof #1 " + file)
	fifth.until("the certificate", func(h happened) bool { return h.Event == "info" && strings.Contains(h.Text, file) })
	if _, err := os.Stat(file); err != nil {
		t.Fatal(err)
	}
	code, out, errs := finish(t, program(t, t.TempDir(), "verify", file))
	if code != 0 || !strings.Contains(out, "3 of 4 approvals") || !strings.Contains(out, "we were spammed") {
		t.Errorf("verify: exit %d, %q\n%s", code, errs, out)
	}
}
