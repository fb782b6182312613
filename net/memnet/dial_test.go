package memnet

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestDialErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, c := open(t, 1)
		n.SetDefault(steady(10 * time.Millisecond))
		n.SetLink(addrA, addrC, Link{Unreachable: true})
		for _, h := range []*Host{b, c} {
			if _, err := h.Listen(t.Context(), "tcp4", ":80"); err != nil {
				t.Fatal(err)
			}
		}
		var dns *net.DNSError
		var addr *net.AddrError
		var unknown net.UnknownNetworkError
		for _, tc := range []struct {
			network, address string
			is               error
			as               any
			after            time.Duration
		}{
			{"tcp", "10.0.0.2:81", syscall.ECONNREFUSED, nil, 20 * time.Millisecond},
			{"tcp", "10.0.0.1:80", syscall.ECONNREFUSED, nil, 0},
			{"tcp", "localhost:80", syscall.ECONNREFUSED, nil, 0},
			{"tcp", ":80", syscall.ECONNREFUSED, nil, 0},
			{"tcp", "10.0.0.3:80", syscall.EHOSTUNREACH, nil, 0},
			{"tcp", "10.0.0.99:80", syscall.EHOSTUNREACH, nil, 0},
			{"tcp", "[fd00::1]:80", syscall.ENETUNREACH, nil, 0},
			{"tcp6", "10.0.0.2:80", nil, &addr, 0},
			{"tcp", "10.0.0.2:99999", nil, &addr, 0},
			{"tcp", "10.0.0.2", nil, &addr, 0},
			{"tcp", "example.org:80", nil, &dns, 0},
			{"udp", "10.0.0.2:80", nil, &unknown, 0},
		} {
			start := time.Now()
			conn, err := a.DialContext(t.Context(), tc.network, tc.address)
			var op *net.OpError
			if conn != nil || !errors.As(err, &op) || op.Op != "dial" {
				t.Errorf("%s %s: %v, %v; want a *net.OpError", tc.network, tc.address, conn, err)
				continue
			}
			if tc.is != nil && !errors.Is(err, tc.is) || tc.as != nil && !errors.As(err, tc.as) {
				t.Errorf("%s %s: %v, want %v", tc.network, tc.address, err, tc.is)
			}
			if took := time.Since(start); took != tc.after {
				t.Errorf("%s %s took %v, want %v", tc.network, tc.address, took, tc.after)
			}
		}
		if len(a.ports) != 0 {
			t.Errorf("failed dials hold ports: %v", a.ports)
		}
		if got := n.Traffic(addrA, addrB); got.Refused != 1 || got.Conns != 0 {
			t.Errorf("traffic = %+v, want one refusal", got)
		}
	})
}

func TestDialTakesARoundTrip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(30 * time.Millisecond))
		start := time.Now()
		dialed(t, a, b)
		if took := time.Since(start); took != 60*time.Millisecond {
			t.Errorf("took %v, want 60 ms", took)
		}
		start = time.Now()
		dialed(t, a, a)
		if took := time.Since(start); took != 0 {
			t.Errorf("to itself: took %v, want nothing", took)
		}
	})
}

func TestDialWithoutRoute(t *testing.T) {
	for name, fault := range map[string]struct {
		on, off func(n *Network, a, b *Host)
	}{
		"partition": {
			func(n *Network, a, b *Host) { n.Partition([]netip.Addr{addrA}) },
			func(n *Network, a, b *Host) { n.Heal() }},
		"block": {
			func(n *Network, a, b *Host) { n.Block(addrB, addrA) },
			func(n *Network, a, b *Host) { n.Unblock(addrB, addrA) }},
		"own cable": {
			func(n *Network, a, b *Host) { a.Cut() },
			func(n *Network, a, b *Host) { a.Join() }},
		"their cable": {
			func(n *Network, a, b *Host) { b.Cut() },
			func(n *Network, a, b *Host) { b.Join() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, a, b, _ := open(t, 1)
				if _, err := b.Listen(t.Context(), "tcp", ":80"); err != nil {
					t.Fatal(err)
				}
				fault.on(n, a, b)

				start := time.Now()
				_, err := a.DialContext(in(t, 5*time.Second), "tcp", "10.0.0.2:80")
				var ne net.Error
				if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() {
					t.Errorf("error %v, want the context's, as a timeout", err)
				}
				if took := time.Since(start); took != 5*time.Second {
					t.Errorf("took %v, want the context's 5 s", took)
				}

				start = time.Now()
				if _, err = a.DialContext(t.Context(), "tcp", "10.0.0.2:80"); !errors.Is(err, syscall.ETIMEDOUT) {
					t.Errorf("error %v, want ETIMEDOUT", err)
				}
				if took := time.Since(start); took != 127*time.Second {
					t.Errorf("took %v, want 127 s", took)
				}

				start = time.Now()
				time.AfterFunc(2*time.Second, func() { fault.off(n, a, b) })
				c, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:80")
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("took %v, want 3 s: the first SYN after the way opened", took)
				}
			})
		})
	}
}

func TestCancelledDialResetsWhatWasAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(time.Second))
		l, err := b.Listen(t.Context(), "tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		if _, err := a.DialContext(ctx, "tcp", "10.0.0.2:80"); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context.Canceled", err)
		}
		s, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v, want ECONNRESET", err)
		}
		s.Close()
		if _, err := a.DialContext(ctx, "tcp", "10.0.0.2:80"); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that is over: %v", err)
		}
		if n.OpenStreams() != 0 || len(a.ports) != 0 {
			t.Errorf("%d streams, ports %v left", n.OpenStreams(), a.ports)
		}
	})
}

func TestListen(t *testing.T) {
	for _, tc := range []struct {
		name          string
		first, second [2]string
		want          error
	}{
		{"same", [2]string{"tcp", "10.0.0.1:80"}, [2]string{"tcp", "10.0.0.1:80"}, syscall.EADDRINUSE},
		{"wildcard then own", [2]string{"tcp", ":80"}, [2]string{"tcp", "10.0.0.1:80"}, syscall.EADDRINUSE},
		{"own then wildcard", [2]string{"tcp", "10.0.0.1:80"}, [2]string{"tcp4", "0.0.0.0:80"}, syscall.EADDRINUSE},
		{"dual stack then v4", [2]string{"tcp", "[::]:80"}, [2]string{"tcp4", ":80"}, syscall.EADDRINUSE},
		{"other port", [2]string{"tcp", ":80"}, [2]string{"tcp", ":81"}, nil},
		{"chosen ports", [2]string{"tcp", ":0"}, [2]string{"tcp", ":0"}, nil},
		{"own and loopback", [2]string{"tcp", "10.0.0.1:80"}, [2]string{"tcp", "127.0.0.1:80"}, nil},
		{"families", [2]string{"tcp6", ":80"}, [2]string{"tcp4", ":80"}, nil},
		{"not ours", [2]string{"tcp", ":80"}, [2]string{"tcp", "10.0.0.2:81"}, syscall.EADDRNOTAVAIL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, a, _, _ := open(t, 1)
			l, err := a.Listen(t.Context(), tc.first[0], tc.first[1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err = a.Listen(t.Context(), tc.second[0], tc.second[1]); !errors.Is(err, tc.want) {
				t.Errorf("second: %v, want %v", err, tc.want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if l, err = a.Listen(t.Context(), tc.first[0], tc.first[1]); err != nil {
				t.Errorf("again after Close: %v", err)
			} else if port := l.Addr().(*net.TCPAddr).Port; port == 0 {
				t.Error("no port was chosen")
			}
		})
	}
}

func TestFindListener(t *testing.T) {
	_, a, b, _ := open(t, 1)
	b.AddAddr(netip.MustParseAddr("fd00::2"))
	a.AddAddr(netip.MustParseAddr("fd00::1"))
	for _, l := range [][2]string{{"tcp", "10.0.0.2:1"}, {"tcp4", ":2"}, {"tcp6", ":3"}, {"tcp", ":4"}, {"tcp", "127.0.0.1:5"}} {
		if _, err := b.Listen(t.Context(), l[0], l[1]); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		from    *Host
		host    string
		answers []string
	}{
		{a, "10.0.0.2", []string{"1", "2", "4"}},
		{a, "fd00::2", []string{"3", "4"}},
		{b, "127.0.0.1", []string{"2", "4", "5"}},
		{b, "::1", []string{"3", "4"}},
		{b, "::ffff:10.0.0.2", []string{"1", "2", "4"}},
		{a, "127.0.0.1", nil},
	} {
		var got []string
		for _, port := range []string{"1", "2", "3", "4", "5"} {
			c, err := tc.from.DialContext(t.Context(), "tcp", net.JoinHostPort(tc.host, port))
			if err == nil {
				got = append(got, port)
				c.Close()
			} else if !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("%s:%s: %v", tc.host, port, err)
			}
		}
		if !slices.Equal(got, tc.answers) {
			t.Errorf("%s: ports %v answer, want %v", tc.host, got, tc.answers)
		}
	}
}

func TestSourceAddressHasRoute(t *testing.T) {
	n, a, b, _ := open(t, 1)
	other := netip.MustParseAddr("192.168.7.1")
	a.AddAddr(other)
	n.Partition([]netip.Addr{other, addrB}) // b is on a's second network
	c, _ := dialed(t, a, b)
	if got := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); got != other {
		t.Errorf("dialled from %v, want %v", got, other)
	}
}

func TestListenerCloseResetsTheUnaccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		l, err := b.Listen(t.Context(), "tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:80")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v, want ECONNRESET", err)
		}
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept after Close: %v", err)
		}
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v", err)
		}
		if n.OpenStreams() != 0 {
			t.Errorf("%d streams left", n.OpenStreams())
		}

		l, _ = b.Listen(t.Context(), "tcp", ":80")
		time.AfterFunc(time.Second, func() { l.Close() })
		if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a blocked Accept: %v", err)
		}
	})
}

func TestFullBacklogDropsTheSYN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		l, err := b.Listen(t.Context(), "tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		for range backlog {
			if _, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:80"); err != nil {
				t.Fatal(err)
			}
		}
		start := time.Now()
		time.AfterFunc(500*time.Millisecond, func() { l.Accept() })
		c, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:80")
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != time.Second {
			t.Errorf("took %v, want the second SYN after 1 s", took)
		}
		go io.Copy(io.Discard, c)
	})
}

func TestPartitionDuringTheHandshake(t *testing.T) {
	for name, tc := range map[string]struct {
		port         string
		apart, whole time.Duration // after the dial
		want         error
		after        time.Duration
	}{
		"SYN lost":        {"80", 50 * time.Millisecond, 150 * time.Millisecond, nil, 1300 * time.Millisecond},
		"answer lost":     {"80", 150 * time.Millisecond, 500 * time.Millisecond, nil, 1200 * time.Millisecond},
		"refusal lost":    {"81", 150 * time.Millisecond, 500 * time.Millisecond, syscall.ECONNREFUSED, 1400 * time.Millisecond},
		"between the two": {"80", 110 * time.Millisecond, 190 * time.Millisecond, nil, 200 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n, a, b, _ := open(t, 1)
				n.SetDefault(steady(100 * time.Millisecond))
				if _, err := b.Listen(t.Context(), "tcp", ":80"); err != nil {
					t.Fatal(err)
				}
				time.AfterFunc(tc.apart, func() { n.Partition([]netip.Addr{addrA}) })
				time.AfterFunc(tc.whole, n.Heal)
				start := time.Now()
				_, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:"+tc.port)
				if took := time.Since(start); !errors.Is(err, tc.want) || took != tc.after {
					t.Errorf("%v after %v; want %v after %v", err, took, tc.want, tc.after)
				}
				if tc.want == nil && (n.OpenStreams() != 1 || n.TotalTraffic().Conns != 1) {
					t.Errorf("%d connections open, %d counted; want 1", n.OpenStreams(), n.TotalTraffic().Conns)
				}
			})
		})
	}
}

func TestPortsWrapAndSkipTheUsed(t *testing.T) {
	_, a, b, _ := open(t, 1)
	first, _ := dialed(t, a, b)
	kept := first.LocalAddr().(*net.TCPAddr).Port
	a.lastPort = 60998
	c, _ := dialed(t, a, b)
	a.lastPort = 60999
	d, _ := dialed(t, a, b)
	if p, q := c.LocalAddr().(*net.TCPAddr).Port, d.LocalAddr().(*net.TCPAddr).Port; p != 60999 || q == kept || q != 32769 {
		t.Errorf("ports %d, %d after %d; want 60999 and then 32769", p, q, kept)
	}
}
