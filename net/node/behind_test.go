package node

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/memnet"
)

// delays are how long p's lines took that it heard of one author, from line first on.
func delays(p *person, from identity.Key, first int) []time.Duration {
	var out []time.Duration
	for _, l := range p.lines() {
		if l.From == from {
			out = append(out, l.Arrived.Sub(l.Time))
		}
	}
	slices.Sort(out[first:])
	return out[first:]
}

// talk has p say n lines, 100 a second.
func talk(t *testing.T, p *person, what string, n int) (said []string) {
	t.Helper()
	padding := strings.Repeat("x", 300)
	for i := range n {
		text := fmt.Sprintf("%s %d %s", what, i, padding)
		if err := p.Say(text); err != nil {
			t.Fatal(err)
		}
		said = append(said, text)
		time.Sleep(10 * time.Millisecond)
	}
	return said
}

// One peer reads a byte a second: others hear as soon as before, its link turns to catch-up, and it has
// everything in the end, each line once and in order.
func TestSlowReader(t *testing.T) {
	inTown(t, 11, func(t *testing.T, w *town) {
		w.net.SetDefault(memnet.Link{MinLatency: 2 * time.Millisecond, MaxLatency: 2 * time.Millisecond})
		w.net.SetLink(addr(0), addr(2), memnet.Link{MinLatency: 100 * time.Millisecond, MaxLatency: 100 * time.Millisecond})
		p := w.crowd(3)
		me := p[0].Self().Key
		time.Sleep(5 * time.Second)
		said := talk(t, p[0], "before", 500)
		time.Sleep(time.Second)
		before := delays(p[1], me, 0)

		p[2].host.SetBandwidth(0, 1)
		said = append(said, talk(t, p[0], "while one is slow", 6000)...)
		if !p[0].slow.isSlow(p[2].Self().Key) {
			t.Error("the slow peer is still pushed to")
		}
		if got := len(p[2].texts("p0")); got > 3000 {
			t.Errorf("the slow peer heard %d lines", got)
		}
		during := delays(p[1], me, len(before))
		if len(during) < 6000-1 || during[len(during)-1] > before[len(before)-1] || during[len(during)/2] > before[len(before)/2] {
			t.Errorf("%d lines took %v at most, %v before", len(during), during[len(during)-1], before[len(before)-1])
		}

		p[2].host.SetBandwidth(0, 0)
		// What is said in the seconds that this takes is more than goes into a queue at the end.
		began := time.Now()
		for p[0].slow.isSlow(p[2].Self().Key) && time.Since(began) < time.Minute {
			said = append(said, talk(t, p[0], "while it catches up", 10)...)
		}
		if took := time.Since(began); took > 8*time.Second { // 6 s; if only pings told how far we are, 10 s
			t.Errorf("level after %v", took)
		}
		time.Sleep(time.Second)
		p[0].Say("live again")
		time.Sleep(200 * time.Millisecond)
		said = append(said, "live again")
		for i, q := range p[1:] {
			if got := q.texts("p0"); !slices.Equal(got, said) {
				t.Errorf("%d heard %s", i+1, differ(got, said))
			}
		}
		time.Sleep(time.Second)
		if got := last(p[0]); got != "2/2" {
			t.Errorf("delivered %s", got)
		}
	})
}

// One peer's screen hangs, so that it reads nothing at all: its link is cut, and when it reads again it
// has everything.
func TestStuckReader(t *testing.T) {
	inTown(t, 12, func(t *testing.T, w *town) {
		w.net.SetDefault(memnet.Link{MinLatency: 2 * time.Millisecond, MaxLatency: 2 * time.Millisecond})
		var hangs atomic.Pointer[chan struct{}]
		w.before = func(person int, ev event.Event) {
			if until := hangs.Load(); until != nil && person == 2 {
				if _, said := ev.(event.Said); said {
					<-*until
				}
			}
		}
		p := []*person{w.move(0), w.move(1), w.move(2)}
		time.Sleep(5 * time.Second)
		said := talk(t, p[0], "before", 100)
		time.Sleep(time.Second)
		before := delays(p[1], p[0].Self().Key, 0)
		until := make(chan struct{})
		hangs.Store(&until)
		said = append(said, talk(t, p[0], "while one hangs", 9000)...)
		during := delays(p[1], p[0].Self().Key, len(before))
		if during[len(during)-1] > before[len(before)-1] {
			t.Errorf("lines took %v at most, %v before", during[len(during)-1], before[len(before)-1])
		}
		if lost := slices.ContainsFunc(told[event.PeerChanged](&p[0].ear), func(c event.PeerChanged) bool {
			return c.Peer.Key == p[2].Self().Key && c.Peer.State == event.Lost
		}); !lost {
			t.Error("the link that takes nothing was not cut")
		}
		close(until)
		time.Sleep(2 * time.Minute)
		for i, q := range p[1:] {
			if got := q.texts("p0"); !slices.Equal(got, said) {
				t.Errorf("%d heard %s", i+1, differ(got, said))
			}
		}
	})
}

// A line of nothing but quotes takes four times its size in a frame of caught up records: they come all
// the same.
func TestCatchUpOfQuotes(t *testing.T) {
	inTown(t, 13, func(t *testing.T, w *town) {
		p := w.move(0)
		var said []string
		for range 20 {
			said = append(said, strings.Repeat(`"\`, 4090))
			if err := p.Say(said[0]); err != nil {
				t.Fatal(err)
			}
		}
		q := w.move(1)
		time.Sleep(10 * time.Second)
		if got := q.texts("p0"); !slices.Equal(got, said) {
			t.Errorf("%d lines of %d came", len(got), len(said))
		}
	})
}
