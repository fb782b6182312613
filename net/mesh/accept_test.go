package mesh

import (
	"errors"
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

// closed returns how many of the connections the other side has ended by now.
func closed(conns []net.Conn) (n int) {
	for _, c := range conns {
		c.SetReadDeadline(time.Now().Add(time.Nanosecond))
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
			n++
		}
	}
	return n
}

// TestSilence checks that peers link, in both directions, beside strangers that connect and say nothing.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		silent := knock(t, host(n, 2), a, 40)
		for i := range 10 {
			silent = append(silent, knock(t, host(n, 10+i), a, 30)...)
		}
		reached := make(chan string, 1)
		b, c := join(t, host(n, 3), identityOf(3), func(c *setup) {
			c.Reached = func(addr string, key identity.Key) {
				select {
				case reached <- addr + " " + key.String():
				default:
				}
			}
		}), join(t, host(n, 4), identityOf(4))
		b.Connect(a.addr)
		a.Connect(c.addr)
		time.Sleep(time.Second)
		b.Connect(c.addr)
		time.Sleep(time.Second)
		if !linked(a, b) || !linked(a, c) || !linked(b, c) {
			t.Error("not linked beside silent strangers")
		}
		if got := <-reached; got != a.addr+" "+a.key().String() {
			t.Errorf("reached %s", got)
		}
		quit(a, b, c)
		if c := closed(silent); c != len(silent) {
			t.Errorf("%d of %d silent connections are closed after Close", c, len(silent))
		}
	})
}

// TestStalledHandshakes checks that an address that begins handshakes and doesn't go on can't keep others
// out.
func TestStalledHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		stalled := knock(t, host(n, 2), a, 32)
		for _, c := range stalled {
			c.Write([]byte{0x16, 3, 1, 1, 0})
		}
		synctest.Wait()
		b := join(t, host(n, 3), identityOf(3))
		b.Connect(a.addr)
		time.Sleep(10 * time.Millisecond)
		if !linked(a, b) {
			t.Error("another address isn't let in")
		}
		time.Sleep(11 * time.Second) // 5 s of waiting, 5 s of handshake, and the refusal's linger
		if c := closed(stalled); c != 32 {
			t.Errorf("%d of 32 are closed", c)
		}
		quit(a, b)
	})
}

// TestHelloThatNeverComes checks that peers that have proven their keys and send no Hello hold no place in
// the handshake.
func TestHelloThatNeverComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := network(t, 1, 0)
		a := join(t, host(n, 1), identityOf(1))
		var mute sync.WaitGroup
		for i := range 48 {
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
		b := join(t, host(n, 3), identityOf(3))
		b.Connect(a.addr)
		time.Sleep(10 * time.Millisecond)
		if !linked(a, b) {
			t.Error("a peer with a Hello isn't let in")
		}
		mute.Wait()
		quit(a, b)
	})
}
