package node

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"chat.lan/p2pchat/net/discovery"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

// copyNotices are the notices about copies of the profile.
func copyNotices(p *person) (texts []string) {
	for _, n := range told[event.Notice](&p.ear) {
		if strings.HasPrefix(n.Text, "another program with your key") || strings.Contains(n.Text, "started elsewhere") {
			texts = append(texts, n.Text)
		}
	}
	return texts
}

// beaconOf is an announcement with somebody's key that comes from an address.
func beaconOf(p *person, from netip.Addr, port uint16) discovery.Announcement {
	key := p.Self().Key
	return discovery.Announcement{Kind: discovery.Announce, OwnKey: true, New: true, Source: netip.AddrPortFrom(from, 9999),
		Addrs:     []netip.AddrPort{netip.AddrPortFrom(from, port)},
		Discovery: wire.Discovery{ID: p.Self().ID, Port: port, V: 1, Inst: "00", Key: &key}}
}

// A neighbour that sends our own beacons again, each as a new program's, makes us believe nothing: not where no one
// is, not where somebody else is, not at an address of ours, and not where it passes on to us what we send.
func TestOwnBeaconsSentAgain(t *testing.T) {
	together(t, 1, 2, func(t *testing.T, w *town, ps []*person) {
		p, other := ps[0], ps[1]
		w.net.SetDefault(memnet.Link{MinLatency: time.Millisecond, MaxLatency: time.Millisecond}) // no search ends while beacons still come
		relay, err := w.net.Host(addr(7)).Listen(t.Context(), "tcp", ":8080")
		if err != nil {
			t.Fatal(err)
		}
		defer relay.Close()
		passed := 0
		w.root.Go("test/relay", func(ctx context.Context) {
			for {
				in, err := relay.Accept()
				if err != nil {
					return
				}
				out, err := w.net.Host(addr(7)).DialContext(ctx, "tcp", net.JoinHostPort(p.at.String(), "8080"))
				if err != nil {
					in.Close()
					continue
				}
				passed++
				w.root.Go("test/there", func(context.Context) { io.Copy(out, in); out.Close() })
				w.root.Go("test/back", func(context.Context) { io.Copy(in, out); in.Close() })
			}
		})
		for _, at := range []netip.Addr{addr(50), other.at, p.at, addr(7)} {
			for range 100 {
				p.finder.onAnnouncement(beaconOf(p, at, 8080))
			}
		}
		pass(time.Minute)
		if got := copyNotices(p); got != nil {
			t.Errorf("believed: %q", got)
		}
		if passed != 1 {
			t.Errorf("%d connections went through the relay, want 1", passed)
		}
		for i := range 100 {
			w.net.Host(addr(100 + i))
			w.net.Block(p.at, addr(100+i)) // no answer at all: a dial that is refused ends before all are counted
			p.finder.onAnnouncement(beaconOf(p, addr(100+i), 8080))
		}
		asked := func() int {
			p.copies.mu.Lock()
			defer p.copies.mu.Unlock()
			return len(p.copies.asked)
		}
		if n := asked(); n != maxCopies {
			t.Errorf("copies are looked for at %d addresses, want %d", n, maxCopies)
		}
		pass(time.Minute)
		if n := asked(); n != 0 {
			t.Errorf("%d addresses without a copy keep others from being asked", n)
		}
	})
}

// A copy of the profile is found, and once it has taken our place that is said plainly.
func TestCopyOfTheProfile(t *testing.T) {
	inTown(t, 2, func(t *testing.T, w *town) {
		older, _ := w.move(0), w.move(1)
		pass(5 * time.Second)
		w.move(2, func(c *Config) { c.Identity = older.cfg.Identity })
		pass(30 * time.Second)
		got := strings.Join(copyNotices(older), "\n")
		if !strings.Contains(got, "another program with your key is at "+addr(2).String()) || strings.Count(got, "and that one goes on") != 1 {
			t.Errorf("the older program says %q", got)
		}
	})
}

// A stranger that says that our profile was started elsewhere isn't believed: that is shown as its word.
func TestFalseReplaced(t *testing.T) {
	together(t, 3, 3, func(t *testing.T, w *town, ps []*person) {
		p, liar := ps[0], ps[1]
		linkTo(liar.Node, p.Self().Key).Bye(wire.ByeReplaced)
		pass(10 * time.Second)
		got := copyNotices(p)
		if len(got) != 1 || !strings.HasPrefix(got[0], "p1 hung up: it says") {
			t.Errorf("notices %q", got)
		}
		for _, n := range told[event.Notice](&p.ear) {
			if n.Level == event.Error {
				t.Errorf("an error for a stranger's word: %q", n.Text)
			}
		}
		if linkTo(p.Node, ps[2].Self().Key) == nil {
			t.Error("another peer isn't linked any more")
		}
	})
}
