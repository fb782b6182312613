package memnet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/nettest"
)

// TestConformance runs the conformance suite of net.Conn, in real time.
func TestConformance(t *testing.T) {
	for name, setup := range map[string]func(*Network){
		"perfect": func(*Network) {},
		"latency": func(n *Network) { n.SetDefault(Link{MaxLatency: 50 * time.Microsecond}) },
		"line":    func(n *Network) { n.Host(addrA).SetBandwidth(200<<20, 200<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
				n := New(1)
				setup(n)
				l, err := n.Host(addrB).Listen(t.Context(), "tcp", ":7")
				if err != nil {
					return nil, nil, nil, err
				}
				if c1, err = n.Host(addrA).DialContext(t.Context(), "tcp", "10.0.0.2:7"); err != nil {
					return nil, nil, nil, err
				}
				if c2, err = l.Accept(); err != nil {
					return nil, nil, nil, err
				}
				return c1, c2, n.Close, nil
			})
		})
	}
}

func TestAddresses(t *testing.T) {
	_, a, b, _ := open(t, 1)
	c, s := dialed(t, a, b)
	ca, sa := c.LocalAddr().(*net.TCPAddr).AddrPort(), s.LocalAddr().(*net.TCPAddr).AddrPort()
	if ca.Addr() != addrA || sa.Addr() != addrB {
		t.Errorf("local addresses %v and %v, want hosts %v and %v", ca, sa, addrA, addrB)
	}
	if got := s.RemoteAddr().(*net.TCPAddr).AddrPort(); got != ca {
		t.Errorf("the server sees %v, the client is %v", got, ca)
	}
	if got := c.RemoteAddr().(*net.TCPAddr).AddrPort(); got != sa {
		t.Errorf("the client sees %v, the server is %v", got, sa)
	}
}

func TestDeadlines(t *testing.T) {
	type set func(c net.Conn, t time.Time) error
	read, wr, both := net.Conn.SetReadDeadline, net.Conn.SetWriteDeadline, net.Conn.SetDeadline
	for _, tc := range []struct {
		name  string
		set   set
		after time.Duration // when the deadline is, from now; 0 is the zero time
		read  time.Duration // when a blocked read fails, -1 if it doesn't within 1 h
		write time.Duration // likewise
	}{
		{"read ahead", read, time.Second, time.Second, -1},
		{"read past", read, -time.Second, 0, -1},
		{"read never", read, 0, -1, -1},
		{"write ahead", wr, 2 * time.Second, -1, 2 * time.Second},
		{"write past", wr, -time.Nanosecond, -1, 0},
		{"write never", wr, 0, -1, -1},
		{"both ahead", both, 3 * time.Second, 3 * time.Second, 3 * time.Second},
		{"both past", both, -time.Hour, 0, 0},
	} {
		// The deadline must end calls that are blocked when it is set, and calls made later.
		for _, when := range []string{"blocked", "later"} {
			t.Run(tc.name+"/"+when, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					n, a, b, _ := open(t, 1)
					c, _ := dialed(t, a, b)
					write(t, c, string(make([]byte, Buffer))) // the next Write blocks
					if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
						t.Fatal(err) // the deadline of the case must replace it
					}
					apply := func() {
						var at time.Time
						if tc.after != 0 {
							at = time.Now().Add(tc.after)
						}
						c.SetDeadline(time.Time{})
						if err := tc.set(c, at); err != nil {
							t.Error(err)
						}
					}
					if when == "later" {
						apply()
					}
					start := time.Now()
					var calls sync.WaitGroup
					call := func(name string, want time.Duration, f func([]byte) (int, error)) {
						calls.Go(func() {
							k, err := f(make([]byte, 1))
							took := time.Since(start)
							if want < 0 {
								if !errors.Is(err, net.ErrClosed) || took != time.Hour {
									t.Errorf("%s: %v after %v, want it blocked until Close", name, err, took)
								}
								return
							}
							var ne net.Error
							if k != 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !errors.As(err, &ne) || !ne.Timeout() || took != want {
								t.Errorf("%s: %d, %v after %v; want a timeout after %v", name, k, err, took, want)
							}
						})
					}
					call("read", tc.read, c.Read)
					call("write", tc.write, c.Write)
					synctest.Wait()
					if when == "blocked" {
						apply()
					}
					time.Sleep(time.Hour)
					c.Close()
					calls.Wait()
					n.Close()
				})
			})
		}
	}
}

func TestDeadlineMovedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		c, s := dialed(t, a, b)
		c.SetReadDeadline(time.Now().Add(time.Second))
		time.Sleep(2 * time.Second)
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("read: %v, want a timeout", err)
		}
		c.SetReadDeadline(time.Now().Add(time.Second))
		write(t, s, "again")
		expect(t, c, "again")
		write(t, s, "x")
		c.SetReadDeadline(time.Now())
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read with bytes there, but past the deadline: %v, want a timeout", err)
		}
	})
}

// A deadline that passed before the connection broke ends once a later deadline is set. A writer that
// retries until a time has passed would otherwise retry for ever.
func TestBreakAfterADeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		c, _ := dialed(t, a, b)
		c.SetWriteDeadline(time.Now().Add(time.Second))
		time.Sleep(2 * time.Second)
		n.Reset(addrA, addrB)
		if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want the deadline", err)
		}
		c.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("got %v, want the reset", err)
		}
	})
}

func TestCloseDeliversThenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(50 * time.Millisecond))
		c, s := dialed(t, a, b)
		write(t, c, "last words")
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("second Close: %v, want net.ErrClosed", err)
		}
		for name, err := range map[string]error{
			"read":     second(c.Read(make([]byte, 1))),
			"write":    second(c.Write([]byte("x"))),
			"deadline": c.SetDeadline(time.Now()),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v, want net.ErrClosed", name, err)
			}
		}
		start := time.Now()
		got, err := io.ReadAll(s)
		if string(got) != "last words" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		if took := time.Since(start); took != 50*time.Millisecond {
			t.Errorf("the end took %v, want one latency", took)
		}
		// The first write after the peer's close finds no one, and the answer breaks the next.
		write(t, s, "anybody?")
		time.Sleep(time.Second)
		if _, err := s.Write([]byte("hello?")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write to a closed peer: %v, want EPIPE", err)
		}
		if _, err := s.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("read: %v, want io.EOF again", err)
		}
		s.Close()
		if openStreams(n) != 0 {
			t.Errorf("%d streams left", openStreams(n))
		}
	})
}

func second(_ int, err error) error { return err }

func TestCloseWithUnreadBytesResets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(10 * time.Millisecond))
		c, s := dialed(t, a, b)
		write(t, s, "never read")
		time.Sleep(time.Second)
		write(t, c, "arrives")
		c.Close()
		time.Sleep(time.Second)
		expect(t, s, "arrives") // it was on the wire before the reset
		if _, err := s.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("read: %v, want ECONNRESET", err)
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("write: %v, want ECONNRESET", err)
		}
		if got := n.Traffic().Resets; got != 1 {
			t.Errorf("%d resets counted, want 1", got)
		}
	})
}

// TestCrossedCloseLosesTheTail shows the trap that links must not fall into: bytes that are under way
// to an end that closes take the bytes of that end with them.
func TestCrossedCloseLosesTheTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(time.Second))
		a.SetBandwidth(100, 0) // so that a's bytes are not all on the wire at once
		c, s := dialed(t, a, b)
		write(t, c, string(make([]byte, 1000)))
		write(t, s, "under way")
		c.Close()
		got, err := io.ReadAll(s)
		if !errors.Is(err, syscall.ECONNRESET) || len(got) < 90 || len(got) > 100 {
			t.Errorf("read %d bytes, %v; want those of the first second and ECONNRESET", len(got), err)
		}
		if sent := n.Traffic().Bytes; sent > 101+9 {
			t.Errorf("%d bytes were sent, some after the reset", sent)
		}
	})
}

// TestResetIsNotedWhenItArrives: until then the writer goes on as if nothing had happened.
func TestResetIsNotedWhenItArrives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(time.Second))
		c, s := dialed(t, a, b)
		c.Close()
		write(t, s, string(make([]byte, Buffer)))
		start := time.Now()
		write(t, s, "x") // waits until the first bytes reach no one, a second later
		if took := time.Since(start); took != time.Second {
			t.Errorf("the write took %v, want 1 s", took)
		}
		if k, err := s.Write(make([]byte, Buffer)); k == Buffer || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("wrote %d, %v; want EPIPE", k, err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("the reset came after %v, want 2 s", took)
		}
	})
}

func TestHalfClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		c, s := dialed(t, a, b)
		write(t, c, "question")
		if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Write([]byte("x")); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("write after CloseWrite: %v, want EPIPE", err)
		}
		if got, err := io.ReadAll(s); string(got) != "question" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
		write(t, s, "answer")
		s.Close()
		if got, err := io.ReadAll(c); string(got) != "answer" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

func TestCloseUnblocksBothSides(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		c, s := dialed(t, a, b)
		write(t, c, string(make([]byte, Buffer)))
		var calls sync.WaitGroup
		fails := func(name string, want error, f func([]byte) (int, error)) {
			calls.Go(func() {
				if _, err := f(make([]byte, 1)); !errors.Is(err, want) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			})
		}
		fails("own read", net.ErrClosed, c.Read)
		fails("own write", net.ErrClosed, c.Write)
		fails("own second write", net.ErrClosed, c.Write)
		synctest.Wait()
		c.Close()
		calls.Wait()
		if got, err := io.ReadAll(s); len(got) != Buffer || err != nil {
			t.Errorf("the peer read %d bytes, %v; want all that was taken", len(got), err)
		}
	})
}

func TestConcurrentWritesDontMix(t *testing.T) {
	_, a, b, _ := open(t, 1)
	c, s := dialed(t, a, b)
	const size = Buffer + 1000 // each blocks at least once
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			if _, err := c.Write(bytes.Repeat([]byte{byte('a' + i)}, size)); err != nil {
				t.Error(err)
			}
		})
	}
	go func() { writers.Wait(); c.Close() }()
	got, err := io.ReadAll(s)
	if err != nil || len(got) != 4*size {
		t.Fatalf("read %d bytes, %v", len(got), err)
	}
	for i := range 4 {
		if part := got[i*size : (i+1)*size]; bytes.Count(part, part[:1]) != size {
			t.Errorf("part %d is mixed", i)
		}
	}
}

func TestErrorsNameBothEnds(t *testing.T) {
	_, a, b, _ := open(t, 1)
	c, s := dialed(t, a, b)
	if k := len(a.net.dials); k != 0 {
		t.Errorf("%d dials left", k)
	}
	a.net.Reset(addrA, addrB)
	_, err := c.Read(make([]byte, 1))
	want := fmt.Sprintf("read tcp %v->%v: read: connection reset by peer", c.LocalAddr(), s.LocalAddr())
	if err == nil || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
	if _, err := netip.ParseAddrPort(c.LocalAddr().String()); err != nil {
		t.Error(err)
	}
}
