package accept

import (
	"net"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestThousandSilentConnections checks that 1,000 silent connections from 130 addresses of this machine cost
// less than 10 MB, both ends together, and that all but 256 of them are closed at once.
func TestThousandSilentConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127/8")
	}
	w, addr := onLoopback(t)
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := memory()
	var conns []net.Conn
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for i := range 1000 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%130))}}
		c, err := d.DialContext(t.Context(), "tcp", addr.String())
		if err != nil {
			t.Skipf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	for range 1000 - maxSilent {
		if reason := <-w.refused; reason != TooMany {
			t.Error(reason)
		}
	}
	if cost := int64(memory()) - int64(before); cost > 10<<20 {
		t.Errorf("they cost %d bytes", cost)
	}
	w.silent.mu.Lock()
	n := len(w.silent.slots)
	w.silent.mu.Unlock()
	if n != maxSilent {
		t.Errorf("%d are left", n)
	}
}

// TestLimitsOfOneAddress checks that an address has at most 32 silent connections and 64 in cleartext, and
// that more push out its own, the idlest first.
func TestLimitsOfOneAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		other := w.dial(9, "")
		defer other.Close()
		open := func(n int, first string) (conns []net.Conn) {
			for range n {
				conns = append(conns, w.dial(2, first))
				time.Sleep(time.Millisecond)
			}
			return conns
		}
		closed := func(conns []net.Conn) (n int) {
			for i, c := range conns {
				if !isOpen(c) {
					if n++; i >= n {
						t.Errorf("connection %d was closed before older ones", i)
					}
				}
				c.Close()
			}
			synctest.Wait()
			return n
		}
		if n := closed(open(maxSilentOfAddr+8, "")); n != 8 {
			t.Errorf("%d silent connections were closed", n)
		}
		if n := closed(open(maxCleartextOfAddr+8, `{"Say":"x"}`)); n != 8 {
			t.Errorf("%d connections with JSON were closed", n)
		}
		if n := closed(open(maxCleartextOfAddr+8, "hello\n")); n != 8 {
			t.Errorf("%d connections with lines were closed", n)
		}
		w.take()
		if !isOpen(other) {
			t.Error("another address's connection was closed")
		}
	})
}

// TestLimitsInAll checks that 256 silent connections stay, and that the next closes the idlest of the address
// that has most. A silent crowd keeps no native connection out.
func TestLimitsInAll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var conns []net.Conn
		for i := range maxSilent {
			conns = append(conns, w.dial(10+i/16, "")) // 16 of each address
			time.Sleep(time.Millisecond)
		}
		crowd := w.dial(10, "") // the address has most now
		time.Sleep(time.Millisecond)
		if isOpen(conns[0]) || countOpen(conns) != maxSilent-1 || !isOpen(crowd) {
			t.Errorf("%d of %d are open, not without the first one", countOpen(conns), maxSilent)
		}
		newcomer := w.dial(200, "\x16")
		newcomer.Close()
		time.Sleep(2 * heardAfter)
		events := strings.Join(w.take(), "\n")
		if !strings.Contains(events, `native "\x16"`) || strings.Count(events, "refused: "+TooMany) > 2 {
			t.Errorf("a crowd of silent connections keeps a native one out: %s", events)
		}
		for _, c := range append(conns, crowd) {
			c.Close()
		}
		synctest.Wait()
		for _, l := range []*connLimiter{w.silent, w.cleartext} {
			l.mu.Lock()
			if len(l.slots) != 0 || len(l.ofAddr) != 0 {
				t.Errorf("%d slots of %d addresses are left", len(l.slots), len(l.ofAddr))
			}
			l.mu.Unlock()
		}
	})
}

// TestLimitOfSingleConnections: among silent connections that come from one address each, the idlest makes room.
func TestLimitOfSingleConnections(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var conns []net.Conn
		for i := range maxSilent + 1 {
			conns = append(conns, w.dial(2+i, ""))
			time.Sleep(time.Millisecond)
		}
		if isOpen(conns[0]) || countOpen(conns) != maxSilent {
			t.Errorf("%d of %d are open, not without the first one", countOpen(conns), len(conns))
		}
		for _, c := range conns {
			c.Close()
		}
	})
}
