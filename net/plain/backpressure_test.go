package plain

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWaitSpace checks that many messages wait for a peer that takes them slowly, but not for a peer that
// takes nothing, and that WaitSent waits for all that can be sent.
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
			t.Error("nothing waited")
		}
		if err := w.plain.WaitSent(w.t.Context()); err != nil {
			t.Fatal(err)
		}
		got := texts(t, bob.take())
		if len(got) != lines || got[0].Content != "0" || got[lines-1].Content != fmt.Sprint(lines-1) {
			t.Fatalf("%d lines came", len(got))
		}
		// A peer that takes nothing.
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
			t.Error("all was sent to no one")
		}
		if err := w.plain.WaitSent(w.t.Context()); err != nil || time.Since(began) > 2*deliverFor {
			t.Errorf("given up after %v, %v", time.Since(began), err)
		}
	})
}

// A program that takes a message a second, so that it is never dead, doesn't slow a pipe down to that.
func TestWaitSpaceIsShortForASlowOne(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		bob.slow = time.Second * 9 / 10
		w.beacons(bobID, "Bob", bobAddr)
		for i := range maxQueue {
			w.plain.Send(fmt.Sprint(i), false)
		}
		time.Sleep(5 * time.Second)
		began := time.Now()
		for i := range 10 {
			if err := w.plain.WaitSpace(w.t.Context()); err != nil {
				t.Fatal(err)
			}
			w.plain.Send(fmt.Sprint(i), false)
		}
		if took := time.Since(began); took > 2*takesWithin {
			t.Errorf("ten messages waited for %v", took)
		}
	})
}

// TestUndelivered checks that messages for a peer that isn't heard of again are given up, and that this is
// reported.
func TestUndelivered(t *testing.T) {
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
			t.Errorf("Bob got %q, which was reported as undelivered", got)
		}
	})
}

// TestLineClientGetsFlood checks that a line client that reads as fast as it is written to is waited for,
// and gets everything.
func TestLineClientGetsFlood(t *testing.T) {
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
