package mesh

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/crypto/identity"
	"chat.lan/p2pchat/net/link"
	"chat.lan/p2pchat/net/memnet"
)

// knock opens n connections from a host to m and leaves them silent.
func knock(t *testing.T, h *memnet.Host, m *member, n int) []net.Conn {
	t.Helper()
	var conns []net.Conn
	for range n {
		c, err := h.DialContext(t.Context(), "tcp", m.addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	return conns
}

// closed is how many of the connections the other side has ended by now.
func closed(conns []net.Conn) (n int) {
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(time.Nanosecond))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			n++
		}
	}
	return n
}

// TestSilence: who says nothing is cut after 5 s; of one address 32 may be silent at once, of all
// 256; and meanwhile others link, in both directions, as if nothing was.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		one := knock(t, host(n, 2), a, 40)
		time.Sleep(time.Second)
		if c := closed(one); c != 8 || a.Excess() != 8 {
			t.Errorf("%d of 40 connections of one address were closed at once, %d counted; want 8", c, a.Excess())
		}
		b, c := join(t, host(n, 3), identityOf(3)), join(t, host(n, 4), identityOf(4))
		b.Connect(a.addr)
		a.Connect(c.addr)
		b.Connect(c.addr)
		time.Sleep(time.Second)
		if !linked(a, b) || !linked(a, c) || !linked(b, c) {
			t.Error("not linked beside silent strangers")
		}
		time.Sleep(2999 * time.Millisecond)
		if c := closed(one); c != 8 {
			t.Errorf("%d were closed before 5 s", c)
		}
		time.Sleep(2 * time.Millisecond)
		if c := closed(one); c != 40 {
			t.Errorf("%d of 40 were closed after 5 s", c)
		}
		var many []net.Conn
		for i := range 10 {
			many = append(many, knock(t, host(n, 10+i), a, 30)...)
		}
		time.Sleep(time.Second)
		if c := closed(many); c != 300-MaxArrivals {
			t.Errorf("%d of 300 connections were closed at once, want %d", c, 300-MaxArrivals)
		}
		time.Sleep(5 * time.Second)
		if c := closed(many); c != 300 || a.arrivals.now() != 0 {
			t.Errorf("%d of 300 were closed after 5 s; counted %v", c, a.arrivals.now())
		}
		quit(a, b, c)
	})
}

// TestStalledHandshakes: one address that begins handshakes and doesn't go on can't keep others out.
func TestStalledHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		stalled := knock(t, host(n, 2), a, 32)
		for _, c := range stalled {
			c.Write([]byte{0x16, 3, 1, 1, 0})
		}
		synctest.Wait()
		if a.shaking.now() != MaxHandshakes/2 {
			t.Errorf("one address has %d places for handshakes, want half of them", a.shaking.now())
		}
		b := join(t, host(n, 3), identityOf(3))
		b.Connect(a.addr)
		time.Sleep(10 * time.Millisecond)
		if !linked(a, b) {
			t.Error("another address isn't let in")
		}
		time.Sleep(11 * time.Second) // 5 s of waiting, 5 s of handshake, and the refusal's linger
		if c := closed(stalled); c != 32 || a.shaking.now() != 0 {
			t.Errorf("%d of 32 are closed, %d in the handshake", c, a.shaking.now())
		}
		quit(a, b)
	})
}

// TestHelloThatNeverComes: who has proven its key and then says nothing holds no place for handshakes.
func TestHelloThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		var mute sync.WaitGroup
		for i := range 3 * MaxHandshakes {
			cfg, _ := settings(t, identityOf(byte(50+i)), 0)
			cfg.Link.RefuseReason = func(identity.Key) string { time.Sleep(20 * time.Second); return "late" }
			conn := knock(t, host(n, 20+i), a, 1)[0]
			mute.Go(func() {
				if _, err := link.Client(t.Context(), conn, cfg.Link, a.key()); err == nil {
					t.Error("a link")
				}
			})
		}
		synctest.Wait()
		if s, w := a.shaking.now(), a.arrivals.now(); s != 0 || w != 3*MaxHandshakes {
			t.Errorf("%d are in the handshake and %d wait for a Hello", s, w)
		}
		time.Sleep(11 * time.Second)
		if w := a.arrivals.now(); w != 0 {
			t.Errorf("%d still wait for a Hello", w)
		}
		mute.Wait()
		quit(a)
	})
}

// TestLoopbackIsExempt from what is said of one address.
func TestLoopbackIsExempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		a.addr = "127.0.0.1:8080"
		conns := knock(t, host(n, 1), a, 100)
		time.Sleep(time.Second)
		if c := closed(conns); c != 0 || a.Excess() != 0 {
			t.Errorf("%d of 100 connections of loopback were closed", c)
		}
		quit(a)
		if c := closed(conns); c != 100 {
			t.Errorf("%d of 100 silent connections are closed after Close", c)
		}
	})
}

// TestClassify: the classifier sees every connection first, keeps what isn't native, and holds no
// place for handshakes however long it takes.
func TestClassify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		guests := make(chan string, 100)
		a := join(t, host(n, 1), identityOf(1), classify(func(ctx context.Context, conn net.Conn) (net.Conn, bool) {
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			first := make([]byte, 3)
			k, err := conn.Read(first)
			switch {
			case err != nil:
				conn.Close()
				return nil, false
			case first[0] == 0x16:
				return &peeked{Conn: conn, first: first[:k]}, true
			}
			rest, _ := io.ReadAll(conn)
			guests <- string(first[:k]) + string(rest)
			conn.Close()
			return nil, false
		}))
		silent := knock(t, host(n, 2), a, MaxArrivalsOfAddr+10)
		for i := range 3 {
			silent = append(silent, knock(t, host(n, 3+i), a, MaxArrivals/2)...)
		}
		time.Sleep(time.Hour) // how many are silent, and for how long, is the classifier's business
		if c := closed(silent); c != 0 || a.shaking.now() != 0 {
			t.Errorf("%d silent connections were closed, %d places for handshakes taken", c, a.shaking.now())
		}
		reached := make(chan string, 1)
		b := join(t, host(n, 9), identityOf(2), func(c *Config) {
			c.Reached = func(addr string, key identity.Key) { reached <- addr + " " + key.String() }
		})
		b.Connect(a.addr)
		time.Sleep(time.Second)
		if !linked(a, b) {
			t.Errorf("not linked: %v", b.troubles())
		}
		if got := <-reached; got != a.addr+" "+a.key().String() {
			t.Errorf("reached %s", got)
		}
		silent[0].Write([]byte("hello"))
		silent[0].Close()
		if got := <-guests; got != "hello" {
			t.Errorf("the classifier got %q", got)
		}
		synctest.Wait()
		if left := a.arrivals.now(); left != 0 {
			t.Errorf("%d arrivals are counted, want none", left)
		}
		quit(a, b)
		if c := closed(silent[1:]); c != len(silent)-1 {
			t.Errorf("%d of %d are closed after Close: was the classifier's context ended?", c, len(silent)-1)
		}
	})
}

// now is how many are inside.
func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.inside
}
