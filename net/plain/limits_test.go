package plain

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/memnet"
)

// maxSilent is how many silent connections package accept keeps.
const maxSilent = 256

// TestSilentConnections checks that silent connections become line clients after 3 s, are written to, and are
// gone when they end.
func TestSilentConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		var hosts []*memnet.Host
		for i := range 130 {
			hosts = append(hosts, w.net.Host(netip.AddrFrom4([4]byte{10, 0, 1, byte(i)})))
		}
		var conns []net.Conn
		for i := range 1000 {
			conns = append(conns, w.dial(hosts[i%130]))
			if i%100 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(4 * time.Second)
		if n := len(w.plain.Peers()); n != maxSilent {
			t.Errorf("%d guests", n)
		}
		if n := w.plain.Send("hello", true); n != maxSilent {
			t.Errorf("said to %d", n)
		}
		// A crowd of silent connections must not keep out others, native or not.
		native := w.dial(w.net.Host(bobAddr.Addr()))
		native.Write([]byte{0x16, 3, 1})
		native.Close()
		synctest.Wait()
		found := false
		for _, e := range w.rec.take() {
			found = found || e == "native"
		}
		if !found {
			t.Error("a native connection was kept out")
		}
		heard := 0
		for _, c := range conns {
			if readAll(c) == "Alice: hello\n" {
				heard++
			}
			c.Close()
		}
		if heard != maxSilent-1 && heard != maxSilent { // a connection may have made room
			t.Errorf("%d heard it", heard)
		}
		synctest.Wait()
		if n := len(w.plain.Peers()); n != 0 {
			t.Errorf("%d guests are left", n)
		}
	})
}

// TestSlowObjects checks that the rest of an object is waited for, but not for ever, and that a program may
// be silent between objects.
func TestSlowObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		defer conn.Close()
		const object = `{"Chat":{"from_id":"x","from_name":"Bob","content":"slow","timestamp":1}}`
		for _, part := range []string{object, object[:20], object[20:30], object[30:]} {
			io.WriteString(conn, part)
			time.Sleep(objectWithin - time.Second)
		}
		w.expect(`said: unsigned "Bob" "slow"`, `said: unsigned "Bob" "slow"`)
		time.Sleep(time.Hour)
		io.WriteString(conn, object+object[:1])
		w.expect(`said: unsigned "Bob" "slow"`)
		time.Sleep(objectWithin)
		synctest.Wait()
		conn.SetReadDeadline(time.Now().Add(time.Second))
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("half an object after %v: %v", objectWithin, err)
		}
	})
}

// TestBadObjects checks that a connection that sends only malformed objects is closed.
func TestBadObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		defer conn.Close()
		io.WriteString(conn, strings.Repeat("{}", 10*maxBad))
		synctest.Wait()
		if n := len(w.rec.take()); n != maxBad {
			t.Errorf("%d objects were looked at", n)
		}
	})
}

// TestGroupEnds checks that the group's end ends everything, whatever it waits for.
func TestGroupEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		host := w.net.Host(bobAddr.Addr())
		for _, first := range []string{"", "he", "hello\n", `{"Exit"`, `{"Exit":"x"}`, " "} {
			c := w.dial(host)
			defer c.Close()
			io.WriteString(c, first)
		}
		w.beacons(bobID, "Bob", bobAddr)
		w.plain.ConnectLine("10.0.0.2:99")
		w.plain.ConnectJSON("10.0.0.2:98")
		w.plain.Send("hello", true)
		time.Sleep(4 * time.Second)
		w.close() // hangs, or the bubble reports goroutines that stay
		w.plain.Send("after", true)
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.plain.ConnectLine("10.0.0.2:97")
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		w.plain.Leave(ctx)
	})
}
