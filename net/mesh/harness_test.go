package mesh

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/crypto/verify"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/standing"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// member is a mesh with its handler, on a port of its own.
type member struct {
	*Mesh
	*diary
	id    *identity.Identity
	group *group.Group
	port  *accept.Port
	tcp   TCP
	addr  string
}

// setup is what a member is made of.
type setup struct {
	Config
	listener net.Listener
	dial     TCP
}

// option changes a member's setup before it starts.
type option func(*setup)

// run sets which run of the program a member is.
func run(started int64, inst string) option {
	return func(c *setup) {
		hello := c.Link.Hello
		c.Link.Hello = func() wire.Hello {
			h := hello()
			h.Started, h.Inst = started, inst
			return h
		}
	}
}

func identityOf(n byte) *identity.Identity { return identity.FromSeed([ed25519.SeedSize]byte{n, 1}) }

// pairOf returns two identities, the one with the greater key first.
func pairOf(a, b byte) (greater, lesser *identity.Identity) {
	x, y := identityOf(a), identityOf(b)
	if x.Key().Compare(y.Key()) < 0 {
		x, y = y, x
	}
	return x, y
}

// settings returns a participant's configuration without a network.
func settings(t testing.TB, id *identity.Identity, port int) (Config, *group.Group) {
	t.Helper()
	cert, err := id.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	t.Cleanup(g.Close)
	return Config{
		Link: link.Config{
			Identity: id, Certificate: cert, Pool: verify.Start(g, 1), Group: g,
			Hello: func() wire.Hello {
				return wire.Hello{Versions: []int{link.Version}, Started: 1, Inst: "00", Port: port, Agent: "test"}
			},
		},
		Hashes:  func(*link.Link) map[string]string { return nil },
		Admit:   func(wire.Hello) string { return "" },
		Reached: func(string, identity.Key) {},
		Level:   func(identity.Key) standing.Level { return standing.Heard },
		Source:  func(a netip.Addr) standing.Source { return standing.SourceOf(a, nil) },
		Log:     slog.New(slog.DiscardHandler),
	}, g
}

// join starts a member on a host, port 8080.
func join(t testing.TB, host *memnet.Host, id *identity.Identity, options ...option) *member {
	t.Helper()
	l, err := host.Listen(t.Context(), "tcp", ":8080")
	if err != nil {
		t.Fatal(err)
	}
	addr := ""
	if addrs := host.Addrs(); len(addrs) > 0 {
		addr = netip.AddrPortFrom(addrs[0], 8080).String()
	}
	return start(t, setup{listener: l, dial: host.DialContext}, id, 8080, addr, options)
}

// joinTCP starts a member on a port of the machine's loopback.
func joinTCP(t testing.TB, id *identity.Identity, options ...option) *member {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	return start(t, setup{listener: l, dial: (&net.Dialer{}).DialContext}, id, port, l.Addr().String(), options)
}

func start(t testing.TB, c setup, id *identity.Identity, port int, addr string, options []option) *member {
	t.Helper()
	m := &member{diary: newDiary(t), id: id, addr: addr}
	c.Config, m.group = settings(t, id, port)
	c.Handler = m.diary
	for _, o := range options {
		o(&c)
	}
	m.tcp = c.dial
	if c.RouteTo == nil {
		c.RouteTo = m.tcp.RouteTo
	}
	m.Mesh = Start(m.group, c.Config)
	m.port = accept.Start(m.group, accept.Config{
		Listener: c.listener, Native: m.Mesh.Accept, Log: c.Log,
		Cleartext: func(*accept.Conn) accept.Client { return noClient{} },
		Allowed:   func(netip.Addr) bool { return false },
		Refused:   func(string, string) {},
	})
	return m
}

// noClient is an accept.Client that serves nothing in cleartext.
type noClient struct{}

func (noClient) Join() error   { return errors.New("no cleartext here") }
func (noClient) Leave(error)   {}
func (noClient) ServeLines()   {}
func (noClient) ServeObjects() {}

// Connect calls Mesh.Connect with the route to host:port.
func (m *member) Connect(addr string) { m.Mesh.Connect(m.tcp.Route(addr)) }

// Hint calls Mesh.Hint with the routes to addresses. The hint comes from the first of them, as a beacon does.
func (m *member) Hint(key identity.Key, addrs []netip.AddrPort) {
	var from standing.Source
	if len(addrs) > 0 {
		from = standing.SourceOf(addrs[0].Addr(), nil)
	}
	m.Mesh.Hint(key, m.tcp.Routes(addrs...), from)
}

// Close closes the port and the mesh.
func (m *member) Close() {
	m.port.Close()
	m.Mesh.Close()
}

func (m *member) key() identity.Key { return m.id.Key() }

// at returns where m listens, for Hint.
func (m *member) at() []netip.AddrPort { return []netip.AddrPort{netip.MustParseAddrPort(m.addr)} }

// quit ends members regularly: Byes, drained links, and then nothing runs any more.
func quit(members ...*member) {
	for _, m := range members {
		m.Close()
	}
	for _, m := range members {
		m.await(func() bool { return m.open == 0 })
	}
	for _, m := range members {
		m.group.Close()
	}
}

// linked reports whether both have one link to each other, and it is the same one.
func linked(a, b *member) bool {
	la, lb := a.current(b.key()), b.current(a.key())
	return la != nil && lb != nil && la.Dialed() != lb.Dialed()
}

// delivered checks that the messages that a's links took arrived at b, each once. It returns their number.
func delivered(t *testing.T, what string, a, b *member) int {
	t.Helper()
	sent, got := slices.Clone(a.sent[b.key()]), slices.Clone(b.got[a.key()])
	slices.Sort(got) // the last of the old link and the first of the new one come side by side
	if diff := cmp.Diff(sent, got); diff != "" {
		t.Errorf("%s: %d messages (-sent +received):\n%s", what, len(sent), diff)
	}
	return len(sent)
}

// unbroken checks that a and b saw each other come once and never go.
func unbroken(t *testing.T, what string, a, b *member) {
	t.Helper()
	for _, h := range [][]string{a.history(b.key()), b.history(a.key())} {
		for _, e := range h {
			if len(e) > 5 && e[:5] == "down:" || count(h, "up") != 1 {
				t.Errorf("%s: %q", what, h)
				return
			}
		}
	}
}

func host(n *memnet.Network, i int) *memnet.Host {
	return n.Host(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}))
}

func network(t testing.TB, seed uint64, most time.Duration) *memnet.Network {
	n := memnet.New(seed)
	t.Cleanup(n.Close)
	n.SetDefault(memnet.Link{MinLatency: most / 10, MaxLatency: most})
	return n
}
