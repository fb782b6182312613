package memnet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The interface that discovery asks for.
var _ interface {
	Broadcast(build func(from netip.Addr) []byte) (sent int, err error)
	Receive(ctx context.Context) (payload []byte, from netip.AddrPort, err error)
	Addrs() []netip.Addr
	Close() error
} = (*Packets)(nil)

// say builds the same datagram for every address.
func say(s string) func(netip.Addr) []byte {
	return func(netip.Addr) []byte { return []byte(s) }
}

// heard returns the datagrams that wait at a receiver or come within a minute.
func heard(t *testing.T, p *Packets) []string {
	t.Helper()
	var all []string
	ctx := in(t, time.Minute)
	for {
		payload, _, err := p.Receive(ctx)
		if err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("receive: %v", err)
			}
			return all
		}
		all = append(all, string(payload))
	}
}

func TestBroadcastReachesEveryone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		second := netip.MustParseAddr("192.168.7.1")
		a.AddAddr(second)
		mouth, own, b1, b2 := a.Packets(), a.Packets(), b.Packets(), b.Packets()
		sent, err := mouth.Broadcast(func(from netip.Addr) []byte { return []byte(from.String()) })
		if sent != 2 || err != nil {
			t.Fatalf("sent %d, %v; want one from each address", sent, err)
		}
		for name, p := range map[string]*Packets{"mouth": mouth, "own": own, "b1": b1, "b2": b2} {
			if diff := cmp.Diff([]string{addrA.String(), second.String()}, heard(t, p)); diff != "" {
				t.Errorf("%s heard (-want +got):\n%s", name, diff)
			}
		}
		if sent, err := mouth.Broadcast(func(from netip.Addr) []byte {
			if from == second {
				return nil
			}
			return []byte("x")
		}); sent != 1 || err != nil {
			t.Errorf("sent %d, %v; want 1", sent, err)
		}
		payload, from, err := b1.Receive(t.Context())
		if string(payload) != "x" || from.Addr() != addrA || from.Port() == 0 || err != nil {
			t.Errorf("received %q from %v, %v", payload, from, err)
		}
		payload[0] = 'y' // the receivers don't share it
		if payload, _, _ := b2.Receive(t.Context()); string(payload) != "x" {
			t.Errorf("another receiver got %q", payload)
		}
	})
}

func TestBroadcastStaysOnItsSide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, c := open(t, 1)
		n.SetDefault(steady(100 * time.Millisecond))
		ears := map[string]*Packets{"a": a.Packets(), "b": b.Packets(), "c": c.Packets()}
		mouth := a.Packets()
		expectHeard := func(when string, want map[string][]string) {
			t.Helper()
			got := make(map[string][]string)
			for name, p := range ears {
				if all := heard(t, p); all != nil {
					got[name] = all
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: heard (-want +got):\n%s", when, diff)
			}
		}
		mouth.Broadcast(say("1"))
		expectHeard("together", map[string][]string{"a": {"1"}, "b": {"1"}, "c": {"1"}})
		mouth.Broadcast(say("in flight"))
		n.Partition([]netip.Addr{addrA, addrB}, []netip.Addr{addrC})
		mouth.Broadcast(say("2"))
		expectHeard("apart", map[string][]string{"a": {"in flight", "2"}, "b": {"in flight", "2"}})
		n.Heal()
		expectHeard("healed", map[string][]string{}) // datagrams don't come back
		a.Cut()
		mouth.Broadcast(say("3"))
		expectHeard("cut", map[string][]string{"a": {"3"}})
		a.Join()
		mouth.Broadcast(say("4"))
		expectHeard("joined", map[string][]string{"a": {"4"}, "b": {"4"}, "c": {"4"}})
		if got := n.Traffic(); got.Datagrams != 5*3 || got.Lost != 3+1 {
			t.Errorf("%+v, want 5 datagrams to 3 hosts, of which c lost 3 and b 1", got)
		}
	})
}

// cast1000 sends datagrams 0 to 999, one a millisecond, over a bad link, and returns what was heard and
// when, and the counters.
func cast1000(t *testing.T, seed uint64) (log []string, traffic Traffic) {
	synctest.Test(t, func(t *testing.T) {
		n := New(seed)
		defer n.Close()
		a, b := n.Host(addrA), n.Host(addrB)
		n.SetDefault(Link{
			MinLatency: time.Millisecond, MaxLatency: 5 * time.Millisecond,
			Loss: 0.2, Duplicate: 0.1, Reorder: 0.1,
		})
		mouth, ears := a.Packets(), b.Packets()
		start := time.Now()
		go func() {
			for i := range 1000 {
				mouth.Broadcast(say(fmt.Sprint(i)))
				time.Sleep(time.Millisecond)
			}
		}()
		ctx := in(t, time.Minute)
		for {
			payload, _, err := ears.Receive(ctx)
			if err != nil {
				break
			}
			log = append(log, fmt.Sprintf("%s at %v", payload, time.Since(start)))
		}
		traffic = n.Traffic()
	})
	return log, traffic
}

func TestFaultsFollowTheirChances(t *testing.T) {
	log, got := cast1000(t, 1)
	if got.Datagrams != 2000 || uint64(len(log)) != 1000-got.Lost+got.Duplicated {
		t.Errorf("%d deliveries, traffic %+v", len(log), got)
	}
	for name, c := range map[string]struct{ got, low, high uint64 }{
		"lost":       {got.Lost, 150, 250},
		"duplicated": {got.Duplicated, 50, 120},
		"reordered":  {got.Reordered, 60, 140},
	} {
		if c.got < c.low || c.got > c.high {
			t.Errorf("%s %d of 1000, want %d to %d", name, c.got, c.low, c.high)
		}
	}
}

func TestSeedDecides(t *testing.T) {
	first, _ := cast1000(t, 42)
	again, _ := cast1000(t, 42)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("the same seed went another way (-first +again):\n%s", diff)
	}
	if other, _ := cast1000(t, 43); cmp.Equal(first, other) {
		t.Error("another seed went the same way")
	}
}

func TestPairsDrawIndependently(t *testing.T) {
	n := New(1)
	seen := make(map[uint64]pair)
	for i := range 20 {
		for j := range 20 {
			p := pair{netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), netip.AddrFrom4([4]byte{10, 0, 0, byte(j)})}
			draw := n.link(p).rng.Uint64()
			if o, ok := seen[draw]; ok {
				t.Errorf("%v and %v draw the same", p, o)
			}
			seen[draw] = p
		}
	}
}

func TestFullReceiverDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		mouth, ears := a.Packets(), b.Packets()
		for range inbox + 10 {
			mouth.Broadcast(say("x"))
		}
		if got := len(heard(t, ears)); got != inbox {
			t.Errorf("heard %d, want %d", got, inbox)
		}
		if got := n.Traffic().Overflowed; got != 2*10 {
			t.Errorf("%d overflowed, want 10 of each receiver", got)
		}
	})
}

func TestPacketsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, _, _ := open(t, 1)
		p := a.Packets()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, _, err := p.Receive(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		time.AfterFunc(time.Second, func() { p.Close() })
		if _, _, err := p.Receive(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("closed while it waits: %v", err)
		}
		if err := p.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if sent, err := p.Broadcast(say("x")); sent != 0 || !errors.Is(err, net.ErrClosed) {
			t.Errorf("broadcast after Close: %d, %v", sent, err)
		}
		if len(a.ports) != 0 {
			t.Errorf("ports left: %v", a.ports)
		}
	})
}
