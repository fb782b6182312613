package mesh

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/standing"
)

// mailRoute is a route of a carrier without IP addresses.
type mailRoute struct {
	name string
	dial func(ctx context.Context) (net.Conn, error)
}

func (r mailRoute) String() string { return r.name }

func (r mailRoute) Dial(ctx context.Context) (net.Conn, error) { return r.dial(ctx) }

// carry returns a route to a member that hides the IP addresses of the network below it.
func carry(t *testing.T, from, to *memnet.Host, m *member) mailRoute {
	t.Helper()
	l, err := to.Listen(t.Context(), "tcp", ":99")
	if err != nil {
		t.Fatal(err)
	}
	m.group.Go("carrier", func(ctx context.Context) {
		stop := context.AfterFunc(ctx, func() { l.Close() })
		defer stop()
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.group.Go("carried", func(context.Context) { m.Accept(named{conn}, time.Now(), func() {}) })
		}
	})
	return mailRoute{"by mail", func(ctx context.Context) (net.Conn, error) {
		conn, err := from.DialContext(ctx, "tcp", "10.0.0.2:99")
		if err != nil {
			return nil, err
		}
		return named{conn}, nil
	}}
}

// named is a connection whose ends have no IP addresses.
type named struct{ net.Conn }

type place struct{}

func (place) Network() string { return "mail" }
func (place) String() string  { return "somewhere" }

func (named) LocalAddr() net.Addr  { return place{} }
func (named) RemoteAddr() net.Addr { return place{} }

// TestRouteWithoutIP links two members by Connect and by Hint over a carrier that has no IP addresses, and
// again after the link is lost.
func TestRouteWithoutIP(t *testing.T) {
	for _, how := range []string{"connect", "hint"} {
		synctest.Test(t, func(t *testing.T) {
			n := network(t, 1, 0)
			noIP := func(c *setup) { c.RouteTo = func(*link.Link) Route { return nil } }
			greater, lesser := pairOf(1, 2)
			a, b := join(t, host(n, 1), greater, noIP), join(t, host(n, 2), lesser, noIP)
			there := carry(t, host(n, 1), host(n, 2), b)
			nowhere := mailRoute{"nowhere", func(context.Context) (net.Conn, error) { return nil, errors.New("no such place") }}
			if how == "connect" {
				a.Mesh.Connect(there)
			} else {
				a.Mesh.Hint(b.key(), []Route{nowhere, there, nowhere}, standing.Source{})
			}
			time.Sleep(time.Second)
			if !linked(a, b) {
				t.Fatalf("%s: not linked: %v", how, a.troubles())
			}
			if at := a.current(b.key()).RemoteAddr(); at.IsValid() {
				t.Errorf("%s: the link has address %v", how, at)
			}
			a.Mesh.mu.Lock()
			if r := a.peers[b.key()].routes; r[0].String() != there.name || len(r) > 2 {
				t.Errorf("%s: routes %v", how, r)
			}
			a.Mesh.mu.Unlock()
			n.Reset(netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2"))
			time.Sleep(3 * time.Second)
			if h := a.history(b.key()); !linked(a, b) || count(h, "up") != 2 {
				t.Errorf("%s: not linked again: %q", how, h)
			}
			if how == "connect" && !a.CancelConnect(there.name) {
				t.Error("a route isn't known by its name")
			}
			quit(a, b)
		})
	}
}

// TestRoutes checks which addresses become routes, in what form.
func TestRoutes(t *testing.T) {
	var got []string
	for _, r := range TCP(nil).Routes(
		netip.MustParseAddrPort("[::ffff:10.0.0.2]:8080"), netip.AddrPort{}, netip.MustParseAddrPort("10.0.0.3:0"),
		netip.MustParseAddrPort("[fe80::1%eth0]:8080"),
	) {
		got = append(got, r.String())
	}
	if d := cmp.Diff([]string{"10.0.0.2:8080", "[fe80::1%eth0]:8080"}, got); d != "" {
		t.Error(d)
	}
	if a := addrOf(TCP(nil).Route("a-name:8080")); a.IsValid() {
		t.Errorf("the name of a host has the IP address %v", a)
	}
}
