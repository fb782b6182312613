package discovery

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/group"
	"chat.lan/p2pchat/net/wire"
)

func TestMain(m *testing.M) {
	if os.Getenv(hostEnv) != "" {
		os.Exit(host())
	}
	goleak.VerifyTestMain(m)
}

// key returns a fixed key for each n.
func key(n byte) *identity.Key {
	k := identity.FromSeed([32]byte{n}).Key()
	return &k
}

// peer returns the Discovery of the n-th test peer.
func peer(n int) wire.Discovery {
	return wire.Discovery{
		ID: fmt.Sprintf("id-%d", n), Name: fmt.Sprintf("peer %d", n), IP: "10.0.0.2", Port: 8080,
		V: 1, Started: 1, Inst: fmt.Sprintf("%016x", n), Key: key(byte(n)), Rooms: []string{"00112233445566778899aabbccddeeff"},
	}
}

// encode returns the datagram of a beacon.
func encode(t testing.TB, b wire.Beacon) []byte {
	t.Helper()
	datagram, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return datagram
}

// air is a Transport of one address in memory.
type air struct {
	in     chan datagram
	closed chan struct{}

	mu    sync.Mutex
	addrs []netip.Addr
	echo  bool
	fail  error
	sent  []transmission
}

type transmission struct {
	at     time.Time
	beacon wire.Beacon
}

func newAir(addrs ...string) *air {
	a := &air{in: make(chan datagram, 4096), closed: make(chan struct{})}
	for _, s := range addrs {
		a.addrs = append(a.addrs, netip.MustParseAddr(s))
	}
	return a
}

func (a *air) Broadcast(build func(from netip.Addr) []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail != nil {
		return 0, a.fail
	}
	for _, from := range a.addrs {
		payload := build(from)
		b, err := wire.DecodeBeacon(payload)
		if err != nil {
			return 0, err
		}
		a.sent = append(a.sent, transmission{time.Now(), b})
		if a.echo {
			a.in <- datagram{payload, netip.AddrPortFrom(from, 40000)}
		}
	}
	return len(a.addrs), nil
}

func (a *air) Receive(ctx context.Context) ([]byte, netip.AddrPort, error) {
	select {
	case d := <-a.in:
		return d.payload, d.from, nil
	case <-ctx.Done():
		return nil, netip.AddrPort{}, ctx.Err()
	case <-a.closed:
		return nil, netip.AddrPort{}, net.ErrClosed
	}
}

func (a *air) Addrs() []netip.Addr {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.addrs
}

func (a *air) Close() error { close(a.closed); return nil }

// with changes the air while it is in use.
func (a *air) with(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
}

// say puts a datagram of another host in the air.
func (a *air) say(payload []byte, from string) {
	a.in <- datagram{payload, netip.MustParseAddrPort(from)}
}

// announced returns when announcements were sent, since start, and clears the sent datagrams.
func (a *air) announced(start time.Time) []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var at []time.Duration
	for _, s := range a.sent {
		if s.beacon.Discovery != nil {
			at = append(at, s.at.Sub(start))
		}
	}
	a.sent = nil
	return at
}

// awaitBeacon waits, in a synctest bubble, until an announcement was sent less than a second ago.
func (a *air) awaitBeacon() {
	a.announced(time.Time{})
	for len(a.announced(time.Time{})) == 0 {
		time.Sleep(time.Second)
	}
}

// nics is an air whose interfaces a test can change.
type nics struct {
	*air
	report  Report
	changed bool
}

func (n *nics) Refresh() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.changed
	n.changed = false
	return c
}

func (n *nics) Report() Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.report
}

// bench is a Service on a Transport, with what it told.
type bench struct {
	*Service
	group *group.Group

	mu       sync.Mutex
	sights   []Announcement
	statuses []Status
}

// run starts peer 1 on a Transport. clock may be nil.
func run(t *testing.T, transport Transport, clock func() time.Time) *bench {
	t.Helper()
	b := &bench{group: group.New(t.Context(), func(p *group.Panic) { t.Errorf("%v\n%s", p, p.Stack) })}
	cfg := Config{
		Transport: transport,
		Self:      func() wire.Discovery { return peer(1) },
		OnAnnouncement: func(s Announcement) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.sights = append(b.sights, s)
		},
		OnStatus: func(s Status) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.statuses = append(b.statuses, s)
		},
	}
	if clock == nil {
		clock = func() time.Time { return time.Now().Round(0) }
	}
	b.Service = start(b.group, cfg, clock)
	return b
}

// sighted returns the announcements since the last call.
func (b *bench) sighted() []Announcement {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.sights
	b.sights = nil
	return s
}
