package memnet

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// silent fails the test if anything arrives within a minute.
func silent(t *testing.T, c net.Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(time.Minute))
	if k, err := c.Read(make([]byte, 1)); k != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d, %v; want nothing", k, err)
	}
	c.SetReadDeadline(time.Time{})
}

func TestPartitionStallsAndHealGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, c := open(t, 1)
		n.SetDefault(steady(100 * time.Millisecond))
		ab, ba := dialed(t, a, b)
		ac, ca := dialed(t, a, c)
		bc, cb := dialed(t, b, c)

		write(t, ab, "in flight ")
		time.Sleep(50 * time.Millisecond)
		n.Partition([]netip.Addr{addrA}) // b and c are in no group: together
		write(t, ab, "while apart")
		ab.(interface{ CloseWrite() error }).CloseWrite()
		silent(t, ba)
		write(t, bc, "together")
		expect(t, cb, "together")

		n.Heal()
		start := time.Now()
		expect(t, ba, "in flight ")
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("the bytes in flight took %v, want a latency from Heal", took)
		}
		got, err := io.ReadAll(ba)
		if string(got) != "while apart" || err != nil {
			t.Errorf("after Heal: %q, %v", got, err)
		}
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("what stalled took %v, want a latency", took)
		}

		// Another partition replaces the first.
		n.Partition([]netip.Addr{addrA, addrB}, []netip.Addr{addrC})
		write(t, ba, "near")
		expect(t, ab, "near")
		write(t, ac, "far")
		silent(t, ca)
		n.Heal()
		expect(t, ca, "far")
	})
}

func TestShortPartitionIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(100 * time.Millisecond))
		c, s := dialed(t, a, b)
		start := time.Now()
		write(t, c, "x")
		time.Sleep(20 * time.Millisecond)
		n.Partition([]netip.Addr{addrA})
		time.Sleep(20 * time.Millisecond)
		n.Heal()
		expect(t, s, "x")
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("took %v, want 100 ms", took)
		}
	})
}

func TestBlockStopsStreamsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		c, s := dialed(t, a, b)
		ears := b.Packets()
		mouth := a.Packets()
		n.Block(addrA, addrB)
		write(t, c, "late")
		silent(t, s)
		if _, err := mouth.Broadcast(say("hi")); err != nil {
			t.Fatal(err)
		}
		if got := heard(t, ears); len(got) != 1 || got[0] != "hi" {
			t.Errorf("heard %q, want the broadcast", got)
		}
		n.Unblock(addrB, addrA)
		expect(t, s, "late")
	})
}

func TestResetBreaksBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, c := open(t, 1)
		n.SetDefault(steady(time.Second))
		ab, ba := dialed(t, a, b)
		_, _ = dialed(t, b, a)
		ac, ca := dialed(t, a, c)
		write(t, ab, "arrived")
		time.Sleep(2 * time.Second)
		write(t, ab, "lost")
		blocked := make(chan error, 1)
		go func() {
			_, err := ab.Read(make([]byte, 1))
			blocked <- err
		}()
		synctest.Wait()
		if got := n.Reset(addrB, addrA); got != 2 {
			t.Errorf("%d connections reset, want 2", got)
		}
		if err := <-blocked; !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("a blocked read: %v, want ECONNRESET", err)
		}
		expect(t, ba, "arrived")
		for name, err := range map[string]error{
			"read":            second(ba.Read(make([]byte, 1))),
			"write":           second(ba.Write([]byte("x"))),
			"write, far side": second(ab.Write([]byte("x"))),
		} {
			var op *net.OpError
			if !errors.As(err, &op) || !errors.Is(err, syscall.ECONNRESET) || op.Timeout() {
				t.Errorf("%s: %v, want ECONNRESET in a *net.OpError", name, err)
			}
		}
		if ab.Close() != nil || ba.Close() != nil {
			t.Error("Close after a reset failed")
		}
		write(t, ac, "untouched")
		expect(t, ca, "untouched")
		if openStreams(n) != 1 {
			t.Errorf("%d streams open, want the one to c", openStreams(n))
		}
		if got := n.Traffic().Resets; got != 4 {
			t.Errorf("%d resets counted, want 4", got)
		}
	})
}

func third(_ []byte, _ netip.AddrPort, err error) error { return err }

func err2[T any](_ T, err error) error { return err }

func TestMovedAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		c, s := dialed(t, a, b)
		moved := netip.MustParseAddr("10.0.0.22")
		b.RemoveAddr(addrB)
		b.AddAddr(moved)
		write(t, c, "x")
		silent(t, s)
		if _, err := a.DialContext(t.Context(), "tcp", "10.0.0.2:80"); !errors.Is(err, syscall.EHOSTUNREACH) {
			t.Errorf("dial to an address that is gone: %v, want EHOSTUNREACH", err)
		}
		if n.Host(moved) != b || n.Host(addrB) == b {
			t.Error("the addresses' owners are wrong")
		}
		c2, s2 := dialed(t, a, b)
		write(t, c2, "new")
		expect(t, s2, "new")
	})
}

func TestNetworkClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, a, b, _ := open(t, 1)
		n.SetDefault(steady(time.Second))
		l, err := b.Listen(t.Context(), "tcp", ":80")
		if err != nil {
			t.Fatal(err)
		}
		c, s := dialed(t, a, b)
		p := b.Packets()
		write(t, c, string(make([]byte, Buffer)))
		errs := make(chan error)
		calls := []func() error{
			func() error { return second(c.Read(make([]byte, 1))) },
			func() error { return second(c.Write(make([]byte, 1))) },
			func() error { _, err := io.Copy(io.Discard, s); return err },
			func() error { return err2(l.Accept()) },
			func() error { return third(p.Receive(t.Context())) },
			func() error { return err2(a.DialContext(t.Context(), "tcp", "10.0.0.2:80")) },
		}
		for _, f := range calls {
			go func() { errs <- f() }()
		}
		synctest.Wait()
		n.Close()
		for range calls {
			if err := <-errs; !errors.Is(err, net.ErrClosed) {
				t.Errorf("%v, want net.ErrClosed", err)
			}
		}
		n.Close()
		for name, err := range map[string]error{
			"listen": err2(a.Listen(t.Context(), "tcp", ":0")),
			"dial":   err2(a.DialContext(t.Context(), "tcp", "10.0.0.2:80")),
		} {
			if !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s after Close: %v, want net.ErrClosed", name, err)
			}
		}
	})
}

// TestBreakConns checks that the host's end breaks at once, and that the peer notices nothing.
func TestBreakConns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, a, b, _ := open(t, 1)
		x, y := dialed(t, a, b)
		defer x.Close()
		defer y.Close()
		a.BreakConns()
		if _, err := x.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("the broken end reads %v, want ECONNRESET", err)
		}
		y.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := y.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the peer reads %v, want a deadline", err)
		}
	})
}
