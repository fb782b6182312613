package node

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"chat.lan/p2pchat/net/event"
)

// last is how far the last line of p is said to be delivered.
func last(p *person) string {
	sent, delivered := told[event.Sent](&p.ear), told[event.Delivered](&p.ear)
	if len(sent) == 0 {
		return "nothing said"
	}
	out := "0"
	for _, d := range delivered {
		if d.ID == sent[len(sent)-1].Line.ID {
			out = fmt.Sprintf("%d/%d", d.Peers, d.Of)
		}
	}
	return out
}

// arrived reports whether WaitDelivered returns at once.
func arrived(p *person) bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return p.WaitDelivered(ctx) == nil
}

// Who catches up acknowledges like who heard it live, and counts whether it was here or not.
func TestDelivered(t *testing.T) {
	together(t, 3, 3, func(t *testing.T, w *town, p []*person) {
		p[0].Say("to both")
		if arrived(p[0]) {
			t.Error("delivered before anybody can have it")
		}
		time.Sleep(time.Second)
		if got := last(p[0]); got != "2/2" || !arrived(p[0]) {
			t.Errorf("together: %s", got)
		}

		p[2].host.Cut()
		time.Sleep(time.Second)
		p[0].Say("one is cut off and nobody knows")
		time.Sleep(time.Second)
		if got := last(p[0]); got != "1/2" || arrived(p[0]) {
			t.Errorf("cut off: %s", got)
		}
		time.Sleep(30 * time.Second) // it is lost by now
		if !arrived(p[0]) {
			t.Error("a peer that is not linked is waited for")
		}
		p[2].host.Join()
		time.Sleep(time.Minute)
		if got := last(p[0]); got != "2/2" {
			t.Errorf("back again: %s", got)
		}

		p[2].leave()
		time.Sleep(time.Second) // p0 has heard of it
		p[0].Say("one has left")
		time.Sleep(time.Second)
		if got := last(p[0]); got != "1/1" {
			t.Errorf("one left before: %s", got)
		}
		w.move(2)
		time.Sleep(30 * time.Second)
		if got := last(p[0]); got != "2/2" {
			t.Errorf("returned: %s", got)
		}
	})
}

// Who was here when a line was said counts among those it is for, also when he is lost, until he has it.
func TestDeliveredToTheLost(t *testing.T) {
	together(t, 6, 3, func(t *testing.T, w *town, p []*person) {
		p[1].host.Cut()
		p[2].host.Cut()
		pass(time.Second)
		p[0].Say("nobody hears")
		pass(time.Minute) // both are lost by now
		p[1].host.Join()
		pass(time.Minute)
		if got := last(p[0]); got != "1/2" {
			t.Errorf("one is back: %s", got)
		}
		names := func(ps []event.Peer) (out string) {
			for _, q := range ps {
				out += q.Name
			}
			return out
		}
		if r, any := p[0].WhoHas(); !any || r.Line.Text != "nobody hears" || names(r.Has) != "p1" || names(r.Lacks) != "p2" {
			t.Errorf("%q have %q, %q lack it", names(r.Has), r.Line.Text, names(r.Lacks))
		}
		p[2].host.Join()
		pass(2 * time.Minute)
		if got := last(p[0]); got != "2/2" {
			t.Errorf("both are back: %s", got)
		}
	})
}

// Who got a record from a third peer says so to its author as soon as they meet.
func TestDeliveredThroughAThird(t *testing.T) {
	inTown(t, 4, func(t *testing.T, w *town) {
		w.net.Block(addr(0), addr(2))
		p := w.crowd(3)
		time.Sleep(10 * time.Second)
		p[0].Say("passed on")
		time.Sleep(time.Second)
		if got := p[2].texts("p0"); len(got) != 1 {
			t.Fatalf("heard %q", got)
		}
		if got := last(p[0]); got != "1/1" {
			t.Errorf("before they met: %s", got)
		}
		w.net.Unblock(addr(0), addr(2))
		time.Sleep(time.Minute)
		if got := last(p[0]); got != "2/2" {
			t.Errorf("met: %s", got)
		}
	})
}

// A newcomer to one side of a split catches up, and what it heard there reaches those who are linked to
// neither author nor newcomer's source.
func TestCatchingUpReachesNeighbours(t *testing.T) {
	inTown(t, 5, func(t *testing.T, w *town) {
		// A line: 0 – 1 – 2, and 2 is away while 0 and 1 are.
		w.net.Block(addr(0), addr(2))
		p := w.crowd(3)
		time.Sleep(10 * time.Second)
		w.net.Partition([]netip.Addr{addr(2)})
		time.Sleep(30 * time.Second)
		p[2].Say("said alone")
		time.Sleep(30 * time.Second)
		w.net.Heal()
		for p[2].Status().Peers == 0 {
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second) // far less than two pings
		if got := p[0].texts("p2"); len(got) != 1 {
			t.Errorf("the far end heard %q", got)
		}
	})
}
