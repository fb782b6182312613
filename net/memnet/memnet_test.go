package memnet

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	addrA = netip.MustParseAddr("10.0.0.1")
	addrB = netip.MustParseAddr("10.0.0.2")
	addrC = netip.MustParseAddr("10.0.0.3")
)

// steady returns a link with a fixed latency.
func steady(d time.Duration) Link { return Link{MinLatency: d, MaxLatency: d} }

// open makes a network of the hosts A, B and C that the test closes.
func open(t *testing.T, seed uint64) (n *Network, a, b, c *Host) {
	t.Helper()
	n = New(seed)
	t.Cleanup(n.Close)
	return n, n.Host(addrA), n.Host(addrB), n.Host(addrC)
}

// dialed connects from one host to a new listener of another, which is closed again.
func dialed(t *testing.T, from, to *Host) (client, server net.Conn) {
	t.Helper()
	l, err := to.Listen(t.Context(), "tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := netip.AddrPortFrom(to.Addrs()[0], uint16(l.Addr().(*net.TCPAddr).Port))
	client, err = from.DialContext(t.Context(), "tcp", addr.String())
	if err != nil {
		t.Fatal(err)
	}
	server, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// openStreams returns the number of connections that have an end which is neither closed nor reset.
func openStreams(n *Network) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.streams)
}

func write(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatalf("write %q: %v", s, err)
	}
}

func expect(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// in returns a context that ends after d.
func in(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
