package plain

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// mutable is a world that can be muted.
type mutable struct {
	*world
	mu  sync.Mutex
	why string
}

func (m *mutable) mute(why string) {
	m.mu.Lock()
	m.why = why
	m.mu.Unlock()
	m.plain.Enforce()
	synctest.Wait()
}

func muting(t *testing.T, f func(w *mutable, bob *seed)) {
	t.Helper()
	hears(t, func(w *world, bob *seed) {
		m := &mutable{world: w}
		w.plain.cfg.MuteReason = func() string { // nobody has been accepted yet
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.why
		}
		f(m, bob)
	})
}

// While all is mute nothing that was said comes in or goes out, what waited is gone, and guests are told
// once; connections stay, and everything goes on after it.
func TestMute(t *testing.T) {
	muting(t, func(w *mutable, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		w.plain.Send("waits for Bob's second beacon", true)
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.rec.take()
		w.mute("hush")
		w.mute("hush")
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		if n := w.plain.Send("secret", true); n != 0 {
			t.Errorf("said to %d", n)
		}
		w.plain.WriteToLineClients("Dora", "secret")
		guest.Write([]byte("from the guest\nand again\n"))
		c := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(c, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"from Bob","timestamp":1}}{"Discovery":{"id":%q,"name":"Bob","ip":"1.2.3.4","port":8081}}`, bobID, bobID)
		time.Sleep(time.Second)
		w.expect("refused: hush", "refused: hush", "refused: hush")
		if got := read(c); got != "" {
			t.Errorf("answered %q", got)
		}
		w.plain.ConnectJSON(bobAddr.String())
		time.Sleep(time.Second)
		w.expect("trouble: " + bobAddr.String())
		w.plain.CancelConnect(bobAddr.String())
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
		if peers := w.plain.Peers(); len(peers) != 2 {
			t.Errorf("%+v", peers)
		}
		w.mute("")
		w.plain.Send("open", false)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := texts(t, bob.take()); len(got) != 1 || got[0].Content != "open" {
			t.Errorf("Bob got %+v", got)
		}
		if got, want := read(guest), "p2pchat: hush: nothing that you write is heard, and nothing that is said is written to you\n"+
			"p2pchat: lines are heard again\nAlice: open\n"; got != want {
			t.Errorf("the guest got %q, want %q", got, want)
		}
		// On the way out nothing is said either.
		w.mute("hush")
		w.plain.Leave(w.t.Context())
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
	})
}

// read is what has come on a connection.
func read(c interface {
	Read([]byte) (int, error)
	SetReadDeadline(time.Time) error
}) string {
	c.SetReadDeadline(time.Now().Add(time.Millisecond))
	buf := make([]byte, 64<<10)
	n, _ := c.Read(buf)
	return string(buf[:n])
}

// A peer that was disconnected from is neither spoken to nor heard, however it beacons, until the user
// names its address.
func TestDrop(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.rec.take()
		if _, ok := w.plain.Disconnect("nobody"); ok {
			t.Error("dropped nobody")
		}
		for _, p := range w.plain.Peers() {
			if named, ok := w.plain.Disconnect(p.ID); !ok || named != "" {
				t.Errorf("%s: %q, %v", p.Name, named, ok)
			}
		}
		if got, err := guest.Read(make([]byte, 1)); err == nil {
			t.Errorf("the guest reads %d", got)
		}
		guest.Close()
		synctest.Wait()
		got := w.rec.take()
		slices.Sort(got)
		if len(got) != 2 || !strings.HasPrefix(got[0], "peer: left 10.0.0.9") || got[1] != "peer: left Bob" {
			t.Errorf("%q", got)
		}
		w.beacons(bobID, "Bob", bobAddr)
		c := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(c, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"hello?","timestamp":1}}`, bobID)
		c.Close()
		w.expect("refused: " + errDisconnected)
		if w.plain.Send("not for Bob", false) != 0 || len(w.plain.Peers()) != 0 {
			t.Error("Bob is there")
		}
		w.plain.ConnectJSON(bobAddr.String())
		time.Sleep(3 * time.Second)
		w.beacons(bobID, "Bob", bobAddr)
		if w.plain.Send("again", false) != 1 {
			t.Error("Bob isn't there")
		}
	})
}

// An id that is longer than one is cut to be remembered, and to be recognised.
func TestDropOfALongID(t *testing.T) {
	hears(t, func(w *world, _ *seed) {
		long := bobID + bobID
		w.beacons(long, "Bob", bobAddr)
		w.expect("peer: up Bob")
		w.plain.Disconnect(w.plain.Peers()[0].ID)
		w.expect("peer: left Bob")
		c := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(c, `{"Chat":{"from_id":%q,"from_name":"Bob","content":"hello?","timestamp":1}}`, long)
		c.Close()
		w.expect("refused: " + errDisconnected)
	})
}

// What Config's functions are asked, they are asked without a lock that their answer may take, whatever
// happens meanwhile.
func TestConfigIsAskedWithoutLocks(t *testing.T) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		hears(t, func(w *world, _ *seed) {
			w.plain.cfg.MuteReason = func() string { w.plain.Peers(); return "" }
			w.plain.cfg.OmitName = func() bool { w.plain.Peers(); return false }
			w.plain.cfg.Self = func() Self { w.plain.Peers(); return Self{ID: selfID, Name: "Alice", Port: 8080} }
			w.policy = func(netip.Addr) bool { w.plain.Peers(); return true }
			w.native = func(string, netip.AddrPort) bool { w.plain.Peers(); return false }
			guest := w.dial(w.net.Host(carolAddr.Addr()))
			defer guest.Close()
			fmt.Fprintln(guest, "hi")
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Send("hello", false)
			time.Sleep(lostAfter + time.Second)
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Disconnect(bobID)
			w.plain.Enforce()
			w.plain.Leave(w.t.Context())
		})
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("one was asked with the lock held")
	}
}

// Nobody dials himself: what is said would go round for ever.
func TestNobodyDialsHimself(t *testing.T) {
	hears(t, func(w *world, _ *seed) {
		w.plain.ConnectLine("10.0.0.1:8080")
		w.plain.ConnectJSON("10.0.0.1:8080")
		time.Sleep(time.Second)
		w.expect("trouble: 10.0.0.1:8080", "trouble: 10.0.0.1:8080")
		if peers := w.plain.Peers(); len(peers) != 0 {
			t.Errorf("%+v", peers)
		}
	})
}

// Who says more than a peer takes waits for it, but not for one that takes nothing; the end waits for all
// that can be sent.
func TestWaitSpace(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		bob.slow = 5 * time.Millisecond
		w.beacons(bobID, "Bob", bobAddr)
		began := time.Now()
		const lines = 3 * maxQueue
		for i := range lines {
			if err := w.plain.WaitSpace(w.t.Context()); err != nil {
				t.Fatal(err)
			}
			if w.plain.Send(fmt.Sprint(i), false) != 1 {
				t.Fatalf("line %d has no place", i)
			}
		}
		if time.Since(began) < time.Second {
			t.Error("nobody waited")
		}
		if err := w.plain.WaitSent(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		got := texts(t, bob.take())
		if len(got) != lines || got[0].Content != "0" || got[lines-1].Content != fmt.Sprint(lines-1) {
			t.Fatalf("%d lines came", len(got))
		}
		// Somebody who takes nothing.
		w.net.Host(bobAddr.Addr()).Cut()
		began = time.Now()
		for i := range maxQueue {
			w.plain.Send(fmt.Sprint(i), false)
		}
		if err := w.plain.WaitSpace(w.t.Context()); err != nil || time.Since(began) > 2*takesWithin {
			t.Errorf("waited for %v, %v", time.Since(began), err)
		}
		limited, cancel := context.WithTimeout(w.t.Context(), time.Second)
		defer cancel()
		if err := w.plain.WaitSent(limited); err == nil {
			t.Error("all was sent to nobody")
		}
		if err := w.plain.WaitSent(w.t.Context()); err != nil || time.Since(began) > 2*deliverFor {
			t.Errorf("given up after %v, %v", time.Since(began), err)
		}
	})
}

// Lines for a peer that isn't heard of again are given up, and that is told.
func TestLinesThatAreGivenUpAreToldOf(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		w.plain.Send("one", false)
		w.plain.Send("two", false)
		w.rec.take()
		time.Sleep(holdFor + 2*watchEvery)
		w.expect("undelivered: 2 to Bob")
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		time.Sleep(time.Second)
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q, which it was told he wouldn't", got)
		}
	})
}

// A guest that reads as fast as it is written to is waited for, and gets all.
func TestAGuestGetsAFlood(t *testing.T) {
	hears(t, func(w *world, _ *seed) {
		conn := w.dial(w.net.Host(carolAddr.Addr()))
		time.Sleep(4 * time.Second)
		done := make(chan int)
		go func() {
			total := 0
			buf := make([]byte, 4<<10)
			for {
				n, err := conn.Read(buf)
				total += n
				if err != nil {
					done <- total
					return
				}
			}
		}()
		line := strings.Repeat("x", 4000)
		const lines = 1000
		for range lines {
			if err := w.plain.WaitSpace(w.t.Context()); err != nil || w.plain.Send(line, false) != 1 {
				t.Fatal("no guest any more: ", err)
			}
		}
		if err := w.plain.WaitSent(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		w.plain.Leave(w.t.Context())
		if got := <-done; got != lines*len("Alice: "+line+"\n") {
			t.Errorf("%d bytes came", got)
		}
		conn.Close()
	})
}
