package accept

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// forms are what seed programs send, on a connection of its own for each message.
var forms = map[string]string{"JSON": `{"Say":"%d"}`, "lines": "%d\n", "no newline": "%d"}

// TestOrderOfConnections checks that a thousand messages, each on a connection of its own, come in order.
func TestOrderOfConnections(t *testing.T) {
	for name, format := range forms {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				for i := range 1000 {
					w.dial(5, fmt.Sprintf(format, i)).Close()
				}
				synctest.Wait()
				next := 0
				for _, e := range w.take() {
					if e != "said: "+strconv.Itoa(next) {
						t.Fatalf("message %d: %s", next, e)
					}
					next++
				}
				o := w.order
				o.mu.Lock()
				defer o.mu.Unlock()
				if next != 1000 || len(o.newest) != 0 || len(o.reading) != 0 || len(o.waiting) != 0 {
					t.Errorf("%d messages came; of %d, %d and %d addresses connections are in order, read and waiting", next,
						len(o.newest), len(o.reading), len(o.waiting))
				}
			})
		})
	}
}

// TestManyConnections checks that no message is lost on a real network either, however fast they come.
func TestManyConnections(t *testing.T) {
	for name, format := range forms {
		t.Run(name, func(t *testing.T) {
			w, addr := onLoopback(t)
			for i := range 1000 {
				c, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				fmt.Fprintf(c, format, i)
				c.Close()
			}
			came := map[string]int{}
			for len(came) < 1000 && t.Context().Err() == nil {
				for _, e := range w.take() {
					came[e]++
				}
			}
			w.group.Close()
			if extra := w.take(); len(extra) > 0 || len(came) != 1000 {
				t.Errorf("%d different messages came, and %q", len(came), extra)
			}
			if n := len(w.order.newest); n != 0 {
				t.Errorf("%d addresses have connections in order", n)
			}
		})
	}
}

// TestOrderIsBounded checks that a silent connection holds up the next one for 100 ms, once, and only while it
// is new.
func TestOrderIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		open := func() net.Conn {
			c := w.dial(5, "")
			synctest.Wait()
			return c
		}
		const object = `{"Say":"hi"}`
		silent := open()
		defer silent.Close()
		next := open()
		defer next.Close()
		io.WriteString(next, object)
		w.expect()
		time.Sleep(orderAfter)
		w.expect("said: hi")
		io.WriteString(next, object)
		w.expect("said: hi")
		old := open()
		defer old.Close()
		time.Sleep(time.Second)
		later := open()
		defer later.Close()
		io.WriteString(later, object)
		w.expect("said: hi")
	})
}

// TestOrderOfSlowReaders checks that the next connection waits for a reader that is held up in the middle of
// its messages, however long that takes. Else its message would come before the rest of them.
func TestOrderOfSlowReaders(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.hold = make(chan struct{})
		first := w.dial(5, `{"Say":"one"}{"Say":"two"}`)
		defer first.Close()
		synctest.Wait()
		second := w.dial(5, `{"Say":"three"}`)
		defer second.Close()
		time.Sleep(toldAfter - time.Second)
		for range 3 {
			w.hold <- struct{}{}
			synctest.Wait()
		}
		w.expect("said: one", "said: two", "said: three")
	})
}

// TestCrowdOfOneAddress checks how many connections of one address are read at a time, how many wait, and that
// the next is refused. Silent ones don't keep others waiting for long.
func TestCrowdOfOneAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		hold := make(chan struct{})
		w.hold = hold
		const object = `{"Say":"hi"}`
		const many = maxWaiting + 10*maxReading
		for range many {
			w.dial(5, object).Close()
		}
		synctest.Wait()
		close(hold)
		synctest.Wait()
		came, refused := 0, 0
		for _, e := range w.take() {
			switch e {
			case "said: hi":
				came++
			case "refused: " + TooMany:
				refused++
			}
		}
		if came < maxWaiting || refused == 0 || came+refused < many { // one that was pushed out may have been read
			t.Errorf("%d came and %d were refused, of %d", came, refused, many)
		}
		var conns []net.Conn
		for range 3 * maxReading {
			conns = append(conns, w.dial(5, ""))
		}
		conns = append(conns, w.dial(5, object))
		time.Sleep(4*heardAfter + orderAfter)
		synctest.Wait()
		if w.count("said: ") != 1 {
			t.Error("silent connections keep another waiting")
		}
		for _, c := range conns {
			c.Close()
		}
	})
}

// TestWaitingIsBounded checks that an address may have so many connections waiting, and that its next is
// refused while those of another address come in.
func TestWaitingIsBounded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		crowd, other := netip.MustParseAddr("10.0.0.5"), netip.MustParseAddr("10.0.0.6")
		for i := range maxReading + maxWaiting {
			if w.order.add(crowd) == nil {
				t.Fatalf("connection %d is refused", i)
			}
		}
		if w.order.add(crowd) != nil {
			t.Error("no connection is refused")
		}
		if w.order.add(other) == nil {
			t.Error("another address's connection is refused")
		}
	})
}

// TestWaitingOfManyAddresses checks that so many wait of all addresses together, each address with its part, and
// that an address which has few keeps them all.
func TestWaitingOfManyAddresses(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		const addresses = 16
		var all []*orderSlot
		flood := func() {
			for i := range addresses * 200 {
				a := netip.AddrFrom4([4]byte{10, 0, 1, byte(i % addresses)})
				if s := w.order.add(a); s != nil {
					all = append(all, s)
				}
			}
		}
		flood()
		var honest []*orderSlot
		for range maxReading + 5 {
			honest = append(honest, w.order.add(netip.MustParseAddr("10.0.0.6")))
		}
		flood()
		waiting := map[netip.Addr]int{}
		for _, s := range all {
			select {
			case <-s.placed:
			case <-s.denied:
			default:
				waiting[s.addr]++
			}
		}
		total := 0
		for a, n := range waiting {
			if total += n; n < maxWaiting/addresses-5 || n > maxWaiting/addresses+5 {
				t.Errorf("%d connections of %v wait", n, a)
			}
		}
		if total > maxWaiting {
			t.Errorf("%d connections wait", total)
		}
		for i, s := range honest {
			if s == nil {
				t.Fatalf("connection %d of an address with few was refused", i)
			}
			select {
			case <-s.denied:
				t.Errorf("connection %d of an address with few was denied", i)
			default:
			}
		}
	})
}

// TestUnsettledIsBounded checks that nothing more is accepted while as many connections as may be were placed or
// denied, and no one has closed or counted them yet.
func TestUnsettledIsBounded(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	o := newAcceptOrder()
	var slots []*orderSlot
	for o.awaitSettled(ended) && len(slots) < 2*maxUnsettled {
		slots = append(slots, o.add(netip.AddrFrom4([4]byte{10, 0, byte(len(slots) >> 8), byte(len(slots))})))
	}
	if len(slots) != maxUnsettled {
		t.Fatalf("accepted %d connections that don't run", len(slots))
	}
	for _, s := range slots {
		s.leavePlace() // as its timer does
	}
	if o.awaitSettled(ended) {
		t.Fatal("connections that lost their place, and don't run, count no more")
	}
	for range 2 {
		slots[0].noteSettled()
	}
	if o.awaitSettled(t.Context()); o.unsettled != maxUnsettled-1 {
		t.Errorf("%d connections are unsettled after one has settled", o.unsettled)
	}
}

// TestDeniedAreUnsettled checks that connections that were denied their place count until they are closed.
func TestDeniedAreUnsettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where no place is left in the meantime
		o := newAcceptOrder()
		a, b := netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.3")
		for range maxReading + maxWaiting {
			o.add(a).noteSettled()
		}
		for range maxReading + 5 {
			o.add(b).noteSettled()
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.unsettled != 5 {
			t.Errorf("%d connections are unsettled, 5 were denied", o.unsettled)
		}
	})
}
