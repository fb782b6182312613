package node

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/net/memnet"
)

// Peers find each other, hear each line once and in order, and after a partition have what was said
// on the other side.
func TestRoomAcrossAPartition(t *testing.T) {
	inTown(t, 1, func(t *testing.T, w *town) {
		w.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.05})
		people := w.crowd(4)
		time.Sleep(5 * time.Second)
		said := 0
		everybody := func(round string) {
			for i, p := range people {
				for k := range 20 {
					if err := p.Say(fmt.Sprintf("%s %d.%02d", round, i, k)); err != nil {
						t.Fatal(err)
					}
				}
			}
			said += 20
		}
		check := func(when string) {
			t.Helper()
			for i, p := range people {
				for j := range people {
					want := said
					if i == j {
						want = 0
					}
					if got := p.texts(fmt.Sprint("p", j)); len(got) != want {
						t.Fatalf("%s: %d heard %d lines of %d, want %d", when, i, len(got), j, want)
					}
				}
			}
		}
		everybody("1 together")
		time.Sleep(5 * time.Second)
		check("together")
		w.net.Partition([]netip.Addr{addr(0), addr(1)}, []netip.Addr{addr(2), addr(3)})
		time.Sleep(30 * time.Second)
		everybody("2 apart")
		time.Sleep(30 * time.Second)
		w.net.Heal()
		time.Sleep(30 * time.Second)
		check("healed")
	})
}

// Between people who are all linked to each other a record goes over each link to its author once, and over
// no other.
func TestRecordsComeOnce(t *testing.T) {
	together(t, 2, 4, func(t *testing.T, w *town, p []*person) {
		for range 10 {
			if err := p[0].Say("x"); err != nil {
				t.Fatal(err)
			}
			pass(time.Second)
		}
		for i, q := range p[1:] {
			if got := q.Status().Received; got != 11 {
				t.Errorf("%d records came to %d, want 10 lines and the opening", got, i+1)
			}
		}
	})
}

// Two that can't reach each other hear each other through a third, each line once.
func TestForwarding(t *testing.T) {
	inTown(t, 2, func(t *testing.T, w *town) {
		w.net.Block(addr(0), addr(2))
		people := w.crowd(3)
		time.Sleep(10 * time.Second)
		for i, p := range people {
			p.Say(fmt.Sprint("hello from ", i))
		}
		time.Sleep(5 * time.Second)
		for i, p := range people {
			if got := p.texts(""); len(got) != 2 || got[0] == got[1] {
				t.Errorf("%d heard %q, want the two others once each", i, got)
			}
		}
	})
}
