package node

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/guard"
	"chat.lan/p2pchat/net/memnet"
)

// ear keeps the lines that a node heard.
type ear struct {
	mu    sync.Mutex
	heard []string
}

func (e *ear) post(ev event.Event) {
	if s, ok := ev.(event.Said); ok {
		e.mu.Lock()
		e.heard = append(e.heard, s.Line.FromName+" "+s.Line.Text)
		e.mu.Unlock()
	}
}

func (e *ear) lines() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.heard)
}

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}) }

// crowd starts n nodes on hosts of their own. Called in a bubble.
func crowd(t *testing.T, net *memnet.Network, n int) ([]*Node, []*ear, func()) {
	t.Helper()
	g := guard.New(context.Background(), func(p *guard.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	var nodes []*Node
	var ears []*ear
	for i := range n {
		e := &ear{}
		host := net.Host(addr(i))
		node, err := Start(g.Child(), Config{
			Identity: identity.FromSeed([32]byte{byte(i + 1)}), Name: fmt.Sprint("p", i), Room: "lobby",
			Listen: ":8080", Agent: "test", Post: e.post, Log: slog.New(slog.DiscardHandler),
			Network: host, Transport: host.Packets(),
		})
		if err != nil {
			t.Fatal(err)
		}
		nodes, ears = append(nodes, node), append(ears, e)
	}
	return nodes, ears, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		for _, x := range nodes {
			x.Close(ctx)
		}
		g.Close()
		net.Close()
	}
}

// Peers find each other, hear each line once and in order, and after a partition have what was said
// on the other side.
func TestRoomAcrossAPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New(1)
		net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: 20 * time.Millisecond, Loss: 0.05, Duplicate: 0.05})
		nodes, ears, end := crowd(t, net, 4)
		defer end()
		time.Sleep(5 * time.Second)
		said := 0
		everybody := func(round string) {
			for i, x := range nodes {
				for k := range 20 {
					if err := x.Say(fmt.Sprintf("%s %d.%02d", round, i, k)); err != nil {
						t.Fatal(err)
					}
				}
			}
			said += 20
		}
		check := func(when string) {
			t.Helper()
			for i, e := range ears {
				for j := range nodes {
					var got []string
					for _, l := range e.lines() {
						if l[:2] == fmt.Sprint("p", j) {
							got = append(got, l)
						}
					}
					want := said
					if i == j {
						want = 0
					}
					if len(got) != want {
						t.Fatalf("%s: %d heard %d lines of %d, want %d", when, i, len(got), j, want)
					}
				}
			}
		}
		everybody("1 together")
		time.Sleep(5 * time.Second)
		check("together")
		net.Partition([]netip.Addr{addr(0), addr(1)}, []netip.Addr{addr(2), addr(3)})
		time.Sleep(30 * time.Second)
		everybody("2 apart")
		time.Sleep(30 * time.Second)
		net.Heal()
		time.Sleep(30 * time.Second)
		check("healed")
		for _, e := range ears {
			for j := range nodes {
				var own []string
				for _, l := range e.lines() {
					if l[:2] == fmt.Sprint("p", j) {
						own = append(own, l)
					}
				}
				if !slices.IsSorted(own) {
					t.Fatalf("lines of %d are out of order: %q", j, own)
				}
			}
		}
	})
}

// Two that can't reach each other hear each other through a third, each line once.
func TestForwarding(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New(2)
		net.Block(addr(0), addr(2))
		nodes, ears, end := crowd(t, net, 3)
		defer end()
		time.Sleep(10 * time.Second)
		for i, x := range nodes {
			x.Say(fmt.Sprint("hello from ", i))
		}
		time.Sleep(5 * time.Second)
		for i, e := range ears {
			if got := e.lines(); len(got) != 2 || got[0] == got[1] {
				t.Errorf("%d heard %q, want the two others once each", i, got)
			}
		}
	})
}
