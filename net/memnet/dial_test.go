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
			if _, err := h.Listen(t.Context(), "tcp", ":80"); err != nil {
				t.Fatal(err)
			}
		}
		for _, tc := range []struct {
			address string
			is      error // nil: any
			after   time.Duration
		}{
			{"10.0.0.2:81", syscall.ECONNREFUSED, 20 * time.Millisecond},
			{"10.0.0.1:80", syscall.ECONNREFUSED, 0},
			{"127.0.0.1:80", syscall.ECONNREFUSED, 0},
			{"10.0.0.3:80", syscall.EHOSTUNREACH, 0},
			{"10.0.0.99:80", syscall.EHOSTUNREACH, 0},
			{"10.0.0.2:99999", nil, 0},
			{"10.0.0.2", nil, 0},
			{"example.org:80", nil, 0},
		} {
			start := time.Now()
			conn, err := a.DialContext(t.Context(), "tcp", tc.address)
			var op *net.OpError
			if conn != nil || !errors.As(err, &op) || op.Op != "dial" {
				t.Errorf("%s: %v, %v; want a *net.OpError", tc.address, conn, err)
				continue
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("%s: %v, want %v", tc.address, err, tc.is)
			}
			if took := time.Since(start); took != tc.after {
				t.Errorf("%s took %v, want %v", tc.address, took, tc.after)
			}
		}
		if len(a.ports) != 0 {
			t.Errorf("failed dials hold ports: %v", a.ports)
		}
		if got := n.Traffic(); got.Refused != 3 || got.Conns != 0 {
			t.Errorf("traffic = %+v, want three refusals", got)
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
		if openStreams(n) != 0 || len(a.ports) != 0 {
			t.Errorf("%d streams, ports %v left", openStreams(n), a.ports)
		}
	})
}

func TestListen(t *testing.T) {
	for _, tc := range []struct {
		name, first, second string
		want                error
	}{
		{"same", "10.0.0.1:80", "10.0.0.1:80", syscall.EADDRINUSE},
		{"wildcard then own", ":80", "10.0.0.1:80", syscall.EADDRINUSE},
		{"own then wildcard", "10.0.0.1:80", "0.0.0.0:80", syscall.EADDRINUSE},
		{"two wildcards", "[::]:80", ":80", syscall.EADDRINUSE},
		{"other port", ":80", ":81", nil},
		{"chosen ports", ":0", ":0", nil},
		{"own and loopback", "10.0.0.1:80", "127.0.0.1:80", nil},
		{"not ours", ":80", "10.0.0.2:81", syscall.EADDRNOTAVAIL},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, a, _, _ := open(t, 1)
			l, err := a.Listen(t.Context(), "tcp", tc.first)
			if err != nil {
				t.Fatal(err)
			}
			if _, err = a.Listen(t.Context(), "tcp", tc.second); !errors.Is(err, tc.want) {
				t.Errorf("second: %v, want %v", err, tc.want)
			}
			if err := l.Close(); err != nil {
				t.Error(err)
			}
			if l, err = a.Listen(t.Context(), "tcp", tc.first); err != nil {
				t.Errorf("again after Close: %v", err)
			} else if port := l.Addr().(*net.TCPAddr).Port; port == 0 {
				t.Error("no port was chosen")
			}
		})
	}
}

func TestFindListener(t *testing.T) {
	_, a, b, _ := open(t, 1)
	for _, l := range []string{"10.0.0.2:1", "0.0.0.0:2", ":3", "127.0.0.1:4"} {
		if _, err := b.Listen(t.Context(), "tcp", l); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		from    *Host
		host    string
		answers []string
	}{
		{a, "10.0.0.2", []string{"1", "2", "3"}},
		{b, "127.0.0.1", []string{"2", "3", "4"}},
		{b, "::ffff:10.0.0.2", []string{"1", "2", "3"}},
		{a, "127.0.0.1", nil},
	} {
		var got []string
		for _, port := range []string{"1", "2", "3", "4"} {
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
		if openStreams(n) != 0 {
			t.Errorf("%d streams left", openStreams(n))
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
				if tc.want == nil && (openStreams(n) != 1 || n.Traffic().Conns != 1) {
					t.Errorf("%d connections open, %d counted; want 1", openStreams(n), n.Traffic().Conns)
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
