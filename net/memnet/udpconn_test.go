package memnet

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A connected UDP socket hears that no one receives on the other host, after the latency of both directions, and only
// then. What it sends reaches every receiver there.
func TestConnectedUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		defer n.Close()
		n.SetDefault(Link{MinLatency: 10 * time.Millisecond, MaxLatency: 10 * time.Millisecond})
		one, two := n.Host(netip.MustParseAddr("10.0.0.1")), n.Host(netip.MustParseAddr("10.0.0.2"))
		c, err := one.DialContext(t.Context(), "udp", "10.0.0.2:9999")
		if err != nil {
			t.Fatal(err)
		}
		read := func(within time.Duration) (time.Duration, error) {
			begun := time.Now()
			_ = c.SetReadDeadline(begun.Add(within))
			_, err := c.Read(make([]byte, 1))
			return time.Since(begun), err
		}
		if took, err := read(time.Second); !errors.Is(err, os.ErrDeadlineExceeded) || took != time.Second {
			t.Errorf("before anything was sent: %v after %v", err, took)
		}
		_, _ = c.Write([]byte("anyone?"))
		if took, err := read(time.Second); !errors.Is(err, syscall.ECONNREFUSED) || took != 20*time.Millisecond {
			t.Errorf("no one receives: %v after %v", err, took)
		}
		_, _ = c.Write([]byte("anyone?"))
		time.Sleep(time.Second)
		if _, err := c.Write([]byte("anyone?")); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("a write after the refusal: %v", err)
		}
		_, _ = read(time.Second)

		p := two.Packets()
		if _, err := c.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, err := read(time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("someone receives: %v", err)
		}
		if b, from, err := p.Receive(t.Context()); string(b) != "hello" || from.String() != c.LocalAddr().String() || err != nil {
			t.Errorf("received %q from %v, %v", b, from, err)
		}
		p.Close()

		n.Partition([]netip.Addr{netip.MustParseAddr("10.0.0.1")}, []netip.Addr{netip.MustParseAddr("10.0.0.2")})
		_, _ = c.Write([]byte("hello"))
		if _, err := read(time.Second); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("out of reach: %v", err)
		}
		go func() {
			time.Sleep(time.Second)
			c.Close()
		}()
		if took, err := read(time.Minute); !errors.Is(err, net.ErrClosed) || took != time.Second {
			t.Errorf("closed: %v after %v", err, took)
		}
	})
}

func TestNetworksOfAHost(t *testing.T) {
	n := New(1)
	defer n.Close()
	h := n.Host(netip.MustParseAddr("10.0.0.1"))
	h.AddAddr(netip.MustParseAddr("10.1.0.1"))
	for addr, want := range map[string]bool{"10.0.0.200": true, "10.1.0.2": true, "10.2.0.1": false} {
		got := false
		for _, p := range h.Networks() {
			got = got || p.Contains(netip.MustParseAddr(addr))
		}
		if got != want {
			t.Errorf("%s is connected directly: %v", addr, got)
		}
	}
}
