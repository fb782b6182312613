package e2e

import (
	"testing"
	"time"
)

// pair is two peers that see each other, on a network of their own.
func pair(t *testing.T, l *lan) (a, b *peer, first, second *host) {
	t.Helper()
	first, second = l.host("ann", "10.77.0.1/16@red"), l.host("ben", "10.77.0.2/16@red")
	a, b = first.start(), second.start()
	a.sees("up", b)
	b.sees("up", a)
	return a, b, first, second
}

// A cable that is taken out: late, then lost 10 to 15 s after the last thing was heard. Put back in:
// up within 5 s, and what was said meanwhile arrives.
func TestCable(t *testing.T) {
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

func TestAKilledPeerIsLostAndOneThatQuitsLeaves(t *testing.T) {
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
func TestAChangedAddress(t *testing.T) {
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

// A machine that dies without a word, and its user, who goes on at another one: the new link takes
// the place of the dead one at once, before that is even late.
func TestARestartReplacesADeadLink(t *testing.T) {
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
