package mdns

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"
	"golang.org/x/net/ipv4"
	"golang.org/x/time/rate"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/iface"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleEnv); role != "" {
		play(role)
		return
	}
	goleak.VerifyTestMain(m)
}

const (
	aliceID = "a11ce000-0000-4000-8000-000000000000"
	bobID   = "b0b00000-0000-4000-8000-000000000000"
)

// loopback returns the name of this machine's loopback interface.
func loopback(tb testing.TB) string {
	tb.Helper()
	name, err := iface.Loopback()
	if err != nil {
		tb.Skip(err)
	}
	return name
}

// freePort returns a port that is free, in place of 5353.
func freePort(tb testing.TB) int {
	tb.Helper()
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

type sighting struct {
	d  wire.Discovery
	at netip.AddrPort
}

// start runs a service on loopback until the test ends.
func start(t *testing.T, port int, self Self) (*Service, chan sighting) {
	t.Helper()
	lo := loopback(t)
	g := group.New(context.Background(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })
	t.Cleanup(g.Close)
	found := make(chan sighting, 1000)
	s := Start(g, Config{
		Self: func() Self { return self }, Interfaces: func() []string { return []string{lo} }, Port: port,
		Found: func(d wire.Discovery, at netip.AddrPort) { found <- sighting{d, at} },
		Log:   slog.New(slog.DiscardHandler),
	})
	return s, found
}

// next waits for a sighting of an id.
func next(t *testing.T, found chan sighting, id string) sighting {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case s := <-found:
			if s.d.ID == id {
				return s
			}
		case <-limit:
			t.Fatalf("%s was not found", id)
		}
	}
}

// TestPeersOfOneMachine: several peers of a machine, here on loopback, find each other, and know native
// peers by their key.
func TestPeersOfOneMachine(t *testing.T) {
	port := freePort(t)
	key := identity.FromSeed([32]byte{1}).Key()
	_, alice := start(t, port, Self{ID: aliceID, Name: "Zoë B. \"x\" \\", Port: 8080, Key: key})
	_, bob := start(t, port, Self{ID: bobID, Name: "Bob", Port: 8081})
	a, b := next(t, bob, aliceID), next(t, alice, bobID)
	same := cmp.Comparer(func(a, b identity.Key) bool { return a == b })
	if d := cmp.Diff(wire.Discovery{ID: bobID, Name: "Bob", Port: 8081}, b.d, same); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(wire.Discovery{ID: aliceID, Name: "Zoë B. \"x\" \\", Port: 8080, V: 1, Key: &key}, a.d, same); d != "" {
		t.Error(d)
	}
	if !a.d.Native() || b.d.Native() || b.at != netip.MustParseAddrPort("127.0.0.1:8081") {
		t.Errorf("found %+v and %+v", a, b)
	}
	for len(alice) > 0 {
		if s := <-alice; s.d.ID == aliceID {
			t.Error("found ourselves")
		}
	}
}

// program opens the socket of another program of this machine, as responders have it.
func program(t *testing.T, port int) *ipv4.PacketConn {
	t.Helper()
	cfg := net.ListenConfig{Control: iface.SharePort}
	conn, err := cfg.ListenPacket(t.Context(), "udp4", netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	device, err := net.InterfaceByName(loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	c := ipv4.NewPacketConn(conn)
	if err := errors.Join(c.JoinGroup(device, net.UDPAddrFromAddrPort(netip.AddrPortFrom(multicastGroup, uint16(port)))),
		c.SetMulticastInterface(device), c.SetMulticastLoopback(true)); err != nil {
		t.Skip("no multicast on loopback here: ", err)
	}
	return c
}

func send(t *testing.T, c *ipv4.PacketConn, port int, m *dns.Msg) {
	t.Helper()
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	as := &ipv4.ControlMessage{Src: net.IPv4(127, 0, 0, 1)}
	if _, err := c.WriteTo(packet, as, net.UDPAddrFromAddrPort(netip.AddrPortFrom(multicastGroup, uint16(port)))); err != nil {
		t.Fatal(err)
	}
}

// hear waits for a response with a PTR of an instance that begins so.
func hear(t *testing.T, c *ipv4.PacketConn, begins string) (*dns.Msg, *net.UDPAddr) {
	t.Helper()
	buf := make([]byte, maxPacket)
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for {
		n, _, from, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Msg)
		if m.Unpack(buf[:n]) != nil || !m.Response {
			continue
		}
		for _, rr := range m.Answer {
			if p, ok := rr.(*dns.PTR); ok && strings.HasPrefix(p.Ptr, begins) {
				return m, from.(*net.UDPAddr)
			}
		}
	}
}

// TestSeedProgram answers and understands the newest seed program, which shares its port with others. The
// answer goes to the group from the port of mDNS, and has all the records in one packet.
func TestSeedProgram(t *testing.T) {
	port := freePort(t)
	c := program(t, port)
	_, found := start(t, port, Self{ID: aliceID, Name: "Alice", Port: 8080})
	for range 3 { // announced unasked, three times; so what comes after them is an answer
		hear(t, c, "Alice-")
	}
	q := new(dns.Msg)
	q.SetQuestion("_Chat._udp.local.", dns.TypePTR)
	time.AfterFunc(multicastEvery, func() { send(t, c, port, q) })
	m, from := hear(t, c, "Alice-"+aliceID+"._chat._udp.local.")
	if from.Port != port || m.Id != 0 || len(m.Question) != 0 {
		t.Errorf("from port %d: %v", from.Port, m)
	}
	var srv, txt, a bool
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.SRV:
			srv = rr.Port == 8080
		case *dns.TXT:
			txt = cmp.Diff([]string{"app=p2pchat", "peer_id=" + aliceID}, rr.Txt) == ""
		case *dns.A:
			a = rr.A.IsLoopback()
		}
	}
	if !srv || !txt || !a {
		t.Errorf("the answer lacks something: %v", m)
	}

	r := new(dns.Msg)
	r.Response = true
	name := "Bob\\.\\ B-" + bobID + "._chat._udp.local."
	for _, text := range []string{
		"_chat._udp.local. 60 IN PTR " + name, name + ` 60 IN TXT "peer_id=` + bobID + `" "app=p2pchat"`,
		name + " 60 IN SRV 0 0 8081 host.local.", "host.local. 60 IN A 203.0.113.9",
	} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		r.Answer = append(r.Answer, rr)
	}
	send(t, c, port, r)
	s := next(t, found, bobID)
	if s.d.Name != "Bob. B" || s.at != netip.MustParseAddrPort("127.0.0.1:8081") {
		t.Errorf("found %+v", s) // 203.0.113.9 has nothing to do with it
	}
}

// TestLegacyQuery: a program that asks from its own port gets the answer there, in the form of plain DNS.
func TestLegacyQuery(t *testing.T) {
	port := freePort(t)
	c := program(t, port)
	start(t, port, Self{ID: aliceID, Name: "Alice", Port: 8080})
	hear(t, c, "Alice-")
	own, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	device, err := net.InterfaceByName(loopback(t))
	if err != nil {
		t.Fatal(err)
	}
	p := ipv4.NewPacketConn(own)
	if err := p.SetMulticastInterface(device); err != nil {
		t.Fatal(err)
	}
	q := new(dns.Msg)
	q.SetQuestion(fullName, dns.TypePTR)
	q.Id = 4711
	send(t, p, port, q)
	m, from := hear(t, p, "Alice-")
	if m.Id != 4711 || len(m.Question) != 1 || from.Port != port || m.Answer[0].Header().Ttl != legacyTTL {
		t.Errorf("from port %d: %v", from.Port, m)
	}
}

// TestLeave: Leave sends a goodbye, and no packet follows it.
func TestLeave(t *testing.T) {
	port := freePort(t)
	c := program(t, port)
	s, found := start(t, port, Self{ID: aliceID, Name: "Alice", Port: 8080})
	hear(t, c, "Alice-")
	s.Leave()
	s.Leave()
	for {
		m, _ := hear(t, c, "Alice-")
		if m.Answer[0].Header().Ttl == 0 {
			break
		}
	}
	if len(found) > 0 {
		t.Error("found a peer")
	}
}

// TestMissingInterface checks that the log names an interface that isn't there, once, and that the Service
// goes on.
func TestMissingInterface(t *testing.T) {
	g := group.New(t.Context(), nil)
	defer g.Close()
	asked := make(chan struct{}, 100)
	lines := make(logLines, 100)
	Start(g, Config{
		Self: func() Self { return Self{ID: aliceID, Name: "Alice", Port: 8080} },
		Interfaces: func() []string {
			asked <- struct{}{}
			return []string{"no-such-interface"}
		},
		Found: func(wire.Discovery, netip.AddrPort) {}, Log: slog.New(slog.NewTextHandler(lines, nil)),
	})
	for range 3 {
		<-asked // two rounds are over
	}
	if len(lines) != 1 {
		t.Fatalf("%d lines in the log, want 1", len(lines))
	}
	if line := <-lines; !strings.Contains(line, "interface=no-such-interface") {
		t.Errorf("the log says %q", line)
	}
}

// logLines is an io.Writer that hands on what a log writes, a line at a time.
type logLines chan string

func (l logLines) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// FuzzTake: no packet causes a panic, and only the seed's own form counts.
func FuzzTake(f *testing.F) {
	n := &nic{Interface: iface.Interface{Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.1/24")}}}
	f.Add(packQuestion())
	var got []sighting
	n.s = &Service{cfg: Config{
		Log: slog.New(slog.DiscardHandler), Port: Port, Self: func() Self { return Self{ID: aliceID, Name: "Alice", Port: 8080} },
		Found: func(d wire.Discovery, at netip.AddrPort) { got = append(got, sighting{d, at}) },
	}}
	f.Add(n.packAnnouncement(false))
	n.answers = rate.NewLimiter(0, 0) // sends no answer
	from := netip.MustParseAddrPort("10.0.0.2:5353")
	f.Fuzz(func(t *testing.T, packet []byte) {
		got = nil
		n.handle(packet, from)
		for _, s := range got {
			if s.at.Addr() != from.Addr() || s.at.Port() == 0 || s.d.ID == "" || s.d.ID == aliceID {
				t.Errorf("found %+v", s)
			}
		}
	})
}

func TestLabel(t *testing.T) {
	for in, want := range map[string]string{
		"Bob": "Bob", "": "_", "a.b c": `a\.b\ c`, "Zoë": `Zo\195\171`, "x\x00\n": "x__", "a\"\\": `a\"\\`,
		strings.Repeat("é", 20): strings.Repeat(`\195\169`, 13),
	} {
		got := escapeLabel(in, 26)
		if got != want {
			t.Errorf("%q is written %q, want %q", in, got, want)
		}
		if in != "" && !strings.ContainsAny(in, "\x00") && len(in) <= 26 {
			if back := firstLabel(got + ".local."); back != in {
				t.Errorf("%q comes back as %q", in, back)
			}
		}
	}
}
