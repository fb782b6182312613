package accept

import (
	"net"
	"net/netip"
	"testing"
)

// lateConn is closed like a connection whose reader gets no processor: its Read returns only when it may.
type lateConn struct {
	net.Conn
	reads  chan struct{} // receives when Read was called
	mayEnd chan struct{} // closed when Read may return
}

func (c *lateConn) Read([]byte) (int, error) {
	c.reads <- struct{}{}
	<-c.mayEnd
	return 0, net.ErrClosed
}

func (c *lateConn) Close() error { return nil }

// TestPushedOutAreUnsettled checks that a connection that was pushed out counts until its reader has noticed, since
// its descriptor stays until then. One without a reader is closed at once, and doesn't count.
func TestPushedOutAreUnsettled(t *testing.T) {
	order, limiter := newAcceptOrder(), newConnLimiter(1, 1)
	addr := netip.MustParseAddr("10.0.0.2")
	late := &lateConn{reads: make(chan struct{}), mayEnd: make(chan struct{})}
	accepted := func() *Conn {
		c := &Conn{Conn: late, orderSlot: order.add(addr)}
		c.slot, _ = limiter.move(nil, c, addr)
		c.noteSettled()
		return c
	}
	unsettled := func(want int, when string) {
		t.Helper()
		order.mu.Lock()
		defer order.mu.Unlock()
		if order.unsettled != want {
			t.Errorf("%d connections are unsettled %s, want %d", order.unsettled, when, want)
		}
	}
	first := accepted()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = first.Read(make([]byte, 1))
	}()
	<-late.reads
	unsettled(0, "while one reads")
	second := accepted()
	unsettled(1, "while the reader of a closed one hasn't noticed")
	close(late.mayEnd)
	<-ended
	unsettled(0, "after it has noticed")
	accepted()
	unsettled(0, "after one without a reader was pushed out")
	for _, c := range []*Conn{first, second} {
		c.end()
	}
}
