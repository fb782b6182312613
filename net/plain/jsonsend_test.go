package plain

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLongTextInOrder checks that 3,000 characters arrive whole, in order, in objects that the seed can
// read at once, also when it is slow to read each.
func TestLongTextInOrder(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		bob.slow = 20 * time.Millisecond
		w.beacons(bobID, "Bob", bobAddr)
		var text strings.Builder
		for i := range 300 {
			fmt.Fprintf(&text, "%04d: \"é\"\n", i)
		}
		w.plain.Send(text.String(), true)
		w.plain.Send("after", true)
		time.Sleep(5 * time.Second)
		var got strings.Builder
		said := texts(t, bob.take())
		for _, c := range said {
			got.WriteString(c.Content)
		}
		if got.String() != text.String()+"after" {
			t.Errorf("Bob got %q", got.String())
		}
		if last := said[len(said)-1]; last.Content != "after" || last.Verify() != nil || said[0].Signed() {
			t.Error("short text is not signed, or long text is")
		}
	})
}

// TestDeadAddress checks that a dead address delays no one else: messages reach Carol at once while each
// dial to the dead address waits for its 5 s. That is reported once.
func TestDeadAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		carol := newSeed(t, w.net.Host(carolAddr.Addr()), carolAddr.Port())
		defer carol.close()
		host := w.net.Host(bobAddr.Addr())
		w.introduces(bobID, "Bob", bobAddr)
		w.introduces(carolID, "Carol", carolAddr)
		w.net.Partition([]netip.Addr{netip.MustParseAddr("10.0.0.1"), carolAddr.Addr()}, []netip.Addr{bobAddr.Addr()})
		w.rec.take()
		for i := range 100 {
			begun := time.Now()
			w.plain.Send(fmt.Sprint(i), true)
			synctest.Wait()
			if took := time.Since(begun); took != 0 {
				t.Fatalf("Say took %v", took)
			}
			if got := texts(t, carol.take()); len(got) != 1 || got[0].Content != fmt.Sprint(i) {
				t.Fatalf("line %d: Carol got %+v", i, got)
			}
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(11 * time.Second)
		undelivered := 0
		for _, e := range w.rec.take() {
			if strings.HasPrefix(e, "undelivered") {
				undelivered++
			}
		}
		if undelivered != 1 {
			t.Errorf("told %d times that Bob can't be reached", undelivered)
		}
		// It comes back: lines reach it again.
		w.net.Heal()
		bob := newSeed(t, host, bobAddr.Port())
		defer bob.close()
		w.plain.Send("back?", true)
		time.Sleep(2 * time.Second)
		if got := texts(t, bob.take()); len(got) != 1 || got[0].Content != "back?" {
			t.Errorf("Bob got %+v", got)
		}
	})
}

// TestRefusedDialIsTriedAgain checks that a program that is busy for a moment gets the message all the
// same.
func TestRefusedDialIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		host := w.net.Host(bobAddr.Addr())
		udp := host.Packets()
		w.beacons(bobID, "Bob", bobAddr)
		w.plain.Send("hello", false)
		time.Sleep(time.Second)
		bob := newSeed(t, host, bobAddr.Port())
		defer bob.close()
		udp.Close()
		time.Sleep(3 * time.Second)
		if got := texts(t, bob.take()); len(got) != 1 {
			t.Errorf("Bob got %+v", got)
		}
		w.expect("peer: up Bob")
	})
}

// TestQueueIsBounded checks that a queue has an end.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.plain.HandleBeacon(bobSays(8081), bobAddr) // a single one: everything waits
		synctest.Wait()
		for i := range 2 * maxQueue {
			if n := w.plain.Send("x", false); n != 1 && i < maxQueue || n != 0 && i >= maxQueue {
				t.Fatalf("line %d is queued for %d", i, n)
			}
		}
		w.expect("peer: up Bob", "undelivered: 1 to Bob")
	})
}

// TestLeave checks that Leave says Exit after all messages, ends line clients politely, and returns when
// that is done.
func TestLeave(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		guest := w.dial(w.net.Host(bobAddr.Addr()))
		defer guest.Close()
		fmt.Fprintln(guest, "hello")
		silent := w.dial(w.net.Host(bobAddr.Addr()))
		defer silent.Close()
		time.Sleep(4 * time.Second)
		bob.take()
		w.plain.Send("bye", false)
		begun := time.Now()
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		w.plain.Leave(ctx)
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("Leave took %v", took)
		}
		synctest.Wait()
		got := bob.take()
		if len(got) != 2 || !strings.Contains(got[0], `"content":"bye"`) || got[1] != `{"Exit":"`+selfID+`"}` {
			t.Errorf("Bob got %q", got)
		}
		for _, c := range []net.Conn{guest, silent} {
			if text := readAll(c); !strings.HasSuffix(text, "Alice: bye\n") {
				t.Errorf("a guest got %q", text)
			}
		}
		if n := w.plain.Send("gone", false); n != 0 {
			t.Errorf("said to %d after Leave", n)
		}
		if _, err := w.us.DialContext(w.t.Context(), "tcp", "10.0.0.1:8080"); err != nil {
			t.Fatal(err) // the port is open still, since it isn't ours
		}
		w.plain.Leave(ctx)
	})
}

// TestLeaveWithDeadAddress checks that Leave gives up on a dead address when its time is up.
func TestLeaveWithDeadAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		w.introduces(bobID, "Bob", bobAddr)
		w.net.Partition([]netip.Addr{netip.MustParseAddr("10.0.0.1")}, []netip.Addr{bobAddr.Addr()})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		w.plain.Leave(ctx)
		if took := time.Since(begun); took != time.Second {
			t.Errorf("Leave took %v", took)
		}
	})
}
