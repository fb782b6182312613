package plain

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/accept"
	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/memnet"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silentAfter is when package accept makes a silent connection a line client.
const silentAfter = 3 * time.Second

const (
	selfID  = "5e1f0000-0000-4000-8000-000000000000"
	bobID   = "b0b00000-0000-4000-8000-000000000000"
	carolID = "ca201000-0000-4000-8000-000000000000"
)

var (
	bobAddr   = netip.MustParseAddrPort("10.0.0.2:8081")
	carolAddr = netip.MustParseAddrPort("10.0.0.9:8080")
)

// recorder is a Handler that records its calls, in the words of testdata/plain.
type recorder struct {
	mu   sync.Mutex
	list []string
	seen []event.Peer
	hold chan struct{} // if set, Said waits for it

	readers []netip.Addr // what ReadsAlong said
}

func (r *recorder) add(format string, a ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, fmt.Sprintf(format, a...))
}

func (r *recorder) Peer(p, before event.Peer) {
	r.mu.Lock()
	r.seen = append(r.seen, p)
	r.mu.Unlock()
	if before.ID != "" && before.State == p.State {
		r.add("peer: %s %s, before %s", p.State, p.Name, before.Name)
		return
	}
	r.add("peer: %s %s", p.State, p.Name)
}

func (r *recorder) Said(l event.Line) {
	if r.hold != nil {
		<-r.hold
	}
	r.add("said: %s %s %s", l.Signature, strconv.Quote(l.FromName), strconv.Quote(l.Text))
}

func (r *recorder) Refused(from, reason string) { r.add("refused: %s", reason) }
func (r *recorder) Info(from, text string)      { r.add("info: %s", text) }
func (r *recorder) Unlike(addr netip.AddrPort)  { r.add("unlike: %v", addr) }
func (r *recorder) HeldBack(p event.Peer)       { r.add("held back: %s", p.Name) }

// reported returns what ReadsAlong said.
func (r *recorder) reported() []netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.readers
}

func (r *recorder) ReadsAlong(from netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.readers = append(r.readers, from)
}
func (r *recorder) Undelivered(p event.Peer, lines int, err error) {
	r.add("undelivered: %d to %s", lines, p.Name)
}
func (r *recorder) Trouble(addr string, err error) { r.add("trouble: %s", addr) }

// take returns the calls since the last take.
func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.list
	r.list = nil
	return out
}

// world is a Plain at 10.0.0.1:8080 in an in-memory network, and hosts for others.
type world struct {
	t     *testing.T
	net   *memnet.Network
	us    *memnet.Host
	plain *Plain
	port  *accept.Port
	group *group.Group
	rec   *recorder

	mu     sync.Mutex
	policy func(netip.Addr) bool
	native func(string, netip.AddrPort) bool
	held   []string // names that are held back
	tls    []byte   // what came on the last native connection
}

// newWorld makes a world within a synctest bubble. close ends it.
func newWorld(t *testing.T) *world {
	w := &world{t: t, net: memnet.New(1), rec: &recorder{}}
	w.us = w.net.Host(netip.MustParseAddr("10.0.0.1"))
	w.start()
	return w
}

// start makes the Plain and its port.
func (w *world) start() {
	w.t.Helper()
	w.group = group.New(context.Background(), func(p *group.Panic) { w.t.Errorf("%v\n%s", p, p.Stack) })
	w.plain = New(w.group, Config{
		Identity: identity.FromSeed([32]byte{7}),
		Self:     func() Self { return Self{ID: selfID, Name: "Alice", Port: 8080} },
		Dial:     w.us.DialContext,
		Allowed:  w.allowed,
		IsNative: func(id string, a netip.AddrPort) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.native != nil && w.native(id, a)
		},
		CheckName:  w.check,
		Networks:   w.us.Networks,
		BeaconPort: 9999,
		MuteReason: func() string { return "" },
		OmitName:   func() bool { return false },
		Reached:    func(string) {},
		Handler:    w.rec,
		Log:        slog.New(slog.DiscardHandler),
	})
	l, err := w.us.Listen(w.t.Context(), "tcp", ":8080")
	if err != nil {
		w.t.Fatal(err)
	}
	w.port = serve(w.group, w.plain, l, w.rec, w.allowed, func(c net.Conn) {
		b, _ := io.ReadAll(c)
		w.mu.Lock()
		w.tls = b
		w.mu.Unlock()
		w.rec.add("native")
	})
}

func (w *world) allowed(a netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.policy == nil || w.policy(a)
}

func (w *world) check(name string, _ netip.AddrPort) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.held, name)
}

// serve gives a port's connections to a Plain, as package node does.
func serve(g *group.Group, p *Plain, l net.Listener, h Handler, allowed func(netip.Addr) bool, native func(net.Conn)) *accept.Port {
	return accept.Start(g, accept.Config{
		Listener: l, Cleartext: p.Accept, Allowed: allowed, Refused: h.Refused, Log: slog.New(slog.DiscardHandler),
		Native: func(c net.Conn, _ time.Time, keyProven func()) {
			keyProven()
			native(c)
			c.Close()
		},
	})
}

// onLoopback returns where a Plain listens on this machine's own network, for what needs real sockets.
func onLoopback(t testing.TB, h Handler) net.Addr {
	t.Helper()
	g := group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	t.Cleanup(g.Close)
	p := New(g, Config{
		Identity: identity.FromSeed([32]byte{7}), Handler: h, Log: slog.New(slog.DiscardHandler),
		Self:     func() Self { return Self{ID: selfID, Name: "Alice", Port: 8080} },
		Dial:     (&net.Dialer{}).DialContext,
		Allowed:  func(netip.Addr) bool { return true },
		Networks: iface.Networks, BeaconPort: 9999,
		IsNative:   func(string, netip.AddrPort) bool { return false },
		MuteReason: func() string { return "" },
		OmitName:   func() bool { return false },
		Reached:    func(string) {},
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(g, p, l, h, func(netip.Addr) bool { return true }, func(net.Conn) { t.Error("native") })
	return l.Addr()
}

// restart ends the Plain and makes another.
func (w *world) restart() {
	w.group.Close()
	w.rec.take()
	w.start()
}

func (w *world) close() {
	w.group.Close()
	w.net.Close()
}

// dial connects to us from a host, in the way of a seed program.
func (w *world) dial(from *memnet.Host) net.Conn {
	w.t.Helper()
	conn, err := from.DialContext(w.t.Context(), "tcp", "10.0.0.1:8080")
	if err != nil {
		w.t.Fatal(err)
	}
	return conn
}

// beacons sends two beacons of Bob's or Carol's, as the seed does.
func (w *world) beacons(id, name string, at netip.AddrPort) {
	for range 2 {
		w.plain.HandleBeacon(wire.Discovery{ID: id, Name: name, IP: "203.0.113.7", Port: at.Port()}, netip.AddrPortFrom(at.Addr(), 51000))
	}
	synctest.Wait()
}

// introduces makes a peer known by beacons, and trusted by a heartbeat that comes over TCP.
func (w *world) introduces(id, name string, at netip.AddrPort) {
	w.t.Helper()
	w.beacons(id, name, at)
	conn := w.dial(w.net.Host(at.Addr()))
	fmt.Fprintf(conn, `{"Heartbeat":%q}`, id)
	synctest.Wait()
	conn.Close()
	synctest.Wait()
}

// seed listens at an address as the seed's programs do: it reads each connection once, into 1024 bytes.
type seed struct {
	mu   sync.Mutex
	got  []string
	from []netip.AddrPort
	l    net.Listener
	udp  *memnet.Packets // where it takes beacons, so that its host refuses none
	slow time.Duration   // before each read
	done chan struct{}
}

func newSeed(t *testing.T, h *memnet.Host, port uint16) *seed {
	t.Helper()
	l, err := h.Listen(t.Context(), "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Fatal(err)
	}
	s := &seed{l: l, udp: h.Packets(), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			time.Sleep(s.slow)
			b := make([]byte, 1024)
			n, _ := c.Read(b)
			s.mu.Lock()
			s.got = append(s.got, string(b[:n]))
			s.from = append(s.from, accept.AddrPort(c.RemoteAddr()))
			s.mu.Unlock()
			c.Close()
		}
	}()
	return s
}

func (s *seed) close() {
	s.l.Close()
	s.udp.Close()
	<-s.done
}

// take returns the objects since the last call.
func (s *seed) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.got
	s.got = nil
	return out
}

// texts decodes the messages in objects.
func texts(t *testing.T, objects []string) (out []wire.SeedChat) {
	t.Helper()
	for _, o := range objects {
		m, err := wire.DecodeSeed([]byte(o))
		if err != nil {
			t.Fatalf("%v: %s", err, o)
		}
		if c, ok := m.(wire.SeedChat); ok {
			out = append(out, c)
		}
	}
	return out
}
