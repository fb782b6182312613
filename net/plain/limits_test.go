package plain

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/memnet"
)

// counter is a Handler that tells of every refusal and every peer on channels.
type counter struct {
	recorder
	refused chan string
}

func (c *counter) Peer(p, before event.Peer)   {}
func (c *counter) Refused(from, reason string) { c.refused <- reason }

// 1,000 connections from 130 addresses of this machine that say nothing cost less than 10 MB, both ends
// together, and all but 256 of them go at once.
func TestThousandSilentConnections(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127/8")
	}
	h := &counter{refused: make(chan string, 1000)}
	_, p, l := onLoopback(t, h, false)
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
		c, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
		if err != nil {
			t.Skipf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	for range 1000 - maxSilent {
		if reason := <-h.refused; reason != "too many connections" {
			t.Error(reason)
		}
	}
	if cost := int64(memory()) - int64(before); cost > 10<<20 {
		t.Errorf("they cost %d bytes", cost)
	}
	p.census.mu.Lock()
	n := len(p.census.seats[0])
	p.census.mu.Unlock()
	if n != maxSilent {
		t.Errorf("%d are left", n)
	}
}

// The same in fake time: those that stay become guests after 3 s, are written to, and go when they go.
func TestSilentConnectionsComeAndGo(t *testing.T) {
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
		// Who says nothing is no reason to keep out who speaks, native or not.
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
		if heard != maxSilent-1 && heard != maxSilent { // one may have made room
			t.Errorf("%d heard it", heard)
		}
		synctest.Wait()
		if n := len(w.plain.Peers()); n != 0 {
			t.Errorf("%d guests are left", n)
		}
		w.plain.census.mu.Lock()
		defer w.plain.census.mu.Unlock()
		if n := len(w.plain.census.seats[0]); n != 0 {
			t.Errorf("%d seats are left", n)
		}
	})
}

// One address has at most 32 silent connections and 64 that talk; who opens more pushes out his own,
// the idlest first.
func TestLimitsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		other := w.dial(w.net.Host(carolAddr.Addr()))
		defer other.Close()
		host := w.net.Host(bobAddr.Addr())
		open := func(n int, first string) (conns []net.Conn) {
			for range n {
				c := w.dial(host)
				io.WriteString(c, first)
				conns = append(conns, c)
				time.Sleep(time.Millisecond)
			}
			return conns
		}
		closed := func(conns []net.Conn) (n int) {
			for i, c := range conns {
				c.SetReadDeadline(time.Now().Add(time.Millisecond))
				if _, err := io.ReadAll(c); err == nil || !strings.Contains(err.Error(), "timeout") {
					if n++; i >= n {
						t.Errorf("connection %d went before older ones", i)
					}
				}
				c.Close()
			}
			synctest.Wait()
			return n
		}
		if n := closed(open(maxSilentEach+8, "")); n != 8 {
			t.Errorf("%d silent connections were closed", n)
		}
		if n := closed(open(maxTalkEach+8, `{"Heartbeat":"x"}`)); n != 8 {
			t.Errorf("%d connections of JSON programs were closed", n)
		}
		if n := closed(open(maxTalkEach+8, "hello\n")); n != 8 {
			t.Errorf("%d guests were dropped", n)
		}
		fmt.Fprintln(other, "I was here first")
		synctest.Wait()
		found := false
		for _, e := range w.rec.take() {
			found = found || strings.Contains(e, "I was here first")
		}
		if !found {
			t.Error("another address's connection went")
		}
	})
}

// Half an object is waited for, but not for ever; between objects there is no hurry.
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

// A connection that sends only nonsense is closed.
func TestBadObjectsEndAConnection(t *testing.T) {
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

// The group's end ends everything, whatever it waits for.
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
		w.close() // hangs, or the bubble tells of goroutines that stay
		w.plain.Send("after", true)
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.plain.ConnectLine("10.0.0.2:97")
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		w.plain.Leave(ctx)
	})
}
