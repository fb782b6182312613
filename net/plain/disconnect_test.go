package plain

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDisconnect checks that a peer that was disconnected from is neither sent to nor heard, however it
// beacons, until the user names its address.
func TestDisconnect(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		guest := w.dial(w.net.Host(carolAddr.Addr()))
		time.Sleep(4 * time.Second)
		synctest.Wait()
		w.rec.take()
		if _, ok := w.plain.Disconnect("nobody"); ok {
			t.Error("dropped no one")
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

// TestDisconnectLongID checks that an overlong id is cut to be remembered, and to be recognised.
func TestDisconnectLongID(t *testing.T) {
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
