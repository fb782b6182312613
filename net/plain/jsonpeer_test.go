package plain

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"chat.lan/p2pchat/net/event"
	"chat.lan/p2pchat/net/wire"
)

// expect checks the events since the last call.
func (w *world) expect(want ...string) {
	w.t.Helper()
	synctest.Wait()
	if d := cmp.Diff(want, w.rec.take()); d != "" {
		w.t.Errorf("events:\n%s", d)
	}
}

// hears runs a test in a world with Bob, a seed program that listens.
func hears(t *testing.T, f func(w *world, bob *seed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newSeed(t, w.net.Host(bobAddr.Addr()), bobAddr.Port())
		defer bob.close()
		f(w, bob)
	})
}

func bobSays(port uint16) wire.Discovery {
	return wire.Discovery{ID: bobID, Name: "Bob", IP: "203.0.113.7", Port: port}
}

// TestTextWaitsForSecondBeacon checks that a peer is shown after one beacon, and gets messages only after
// the second, also those sent before.
func TestTextWaitsForSecondBeacon(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.expect("peer: up Bob")
		if n := w.plain.Send("hello", true); n != 1 {
			t.Errorf("said to %d", n)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := bob.take(); got != nil {
			t.Fatalf("after one beacon: %q", got)
		}
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		time.Sleep(2 * time.Second)
		got := texts(t, bob.take())
		if len(got) != 1 || got[0].Content != "hello" || got[0].FromID != selfID || got[0].FromName != "Alice" || got[0].Verify() != nil {
			t.Errorf("Bob got %+v", got)
		}
		w.expect()
	})
}

// TestTextThatWaitedTooLong checks that a message that waited for 15 s is given up, and that this is
// reported.
func TestTextThatWaitedTooLong(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.Send("no one there?", false)
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		w.plain.Send("hello", false)
		time.Sleep(16 * time.Second)
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.expect("peer: up Bob", "undelivered: 1 to Bob")
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
	})
}

// TestConnectionConfirmsAddress checks that a connection from the address is as good as a second beacon.
func TestConnectionConfirmsAddress(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(conn, `{"Heartbeat":%q}`, bobID)
		conn.Close()
		synctest.Wait()
		w.plain.Send("hello", false)
		synctest.Wait()
		if got := texts(t, bob.take()); len(got) != 1 || got[0].Signed() {
			t.Errorf("Bob got %+v", got)
		}
	})
}

// TestThirdPartyGetsNothing checks that the address that a beacon claims is ignored: the packet's counts.
func TestThirdPartyGetsNothing(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		victim := newSeed(t, w.net.Host(netip.MustParseAddr("10.0.0.66")), 80)
		defer victim.close()
		d := wire.Discovery{ID: bobID, Name: "Bob", IP: "10.0.0.66", Port: 80}
		for range 5 {
			w.plain.HandleBeacon(d, bobAddr)
			w.plain.HandleFound(d, bobAddr)
		}
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		object, err := wire.EncodeSeed(d)
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(object)
		conn.Close()
		synctest.Wait()
		w.plain.Send("hello", false)
		time.Sleep(time.Minute)
		if got := victim.take(); got != nil {
			t.Errorf("a third party got %q", got)
		}
		for _, p := range w.plain.Peers() {
			if p.Addr.Addr() != bobAddr.Addr() {
				t.Errorf("%s is at %s", p.Name, p.Addr)
			}
		}
	})
}

// TestBeaconsMakeFewPeers checks that one address can't make us dial a thousand ports, nor all together
// more than 128.
func TestBeaconsMakeFewPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for host := range 12 {
			for port := range 40 {
				from := netip.AddrFrom4([4]byte{10, 0, 1, byte(host)})
				id := fmt.Sprintf("%d-%d", host, port)
				w.plain.HandleBeacon(wire.Discovery{ID: id, Name: id, Port: uint16(1000 + port)}, netip.AddrPortFrom(from, 5))
				synctest.Wait()
			}
		}
		count := map[netip.Addr]int{}
		for _, p := range w.plain.Peers() {
			count[p.Addr.Addr()]++
		}
		total := 0
		for addr, n := range count {
			if total += n; n > maxPeersOfAddr {
				t.Errorf("%d peers at %s", n, addr)
			}
		}
		if total != maxPeers {
			t.Errorf("%d peers", total)
		}
	})
}

// TestLateAndLost checks that a peer is late after 30 s of silence and lost after 60. Heartbeats, beacons
// and TCP each keep it.
func TestLateAndLost(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.expect("peer: up Bob")
		for _, alive := range []func(){
			func() { w.plain.HandleHeartbeat(bobID, bobAddr) },
			func() { w.plain.HandleBeacon(bobSays(8081), bobAddr) },
			func() {
				conn := w.dial(w.net.Host(bobAddr.Addr()))
				fmt.Fprintf(conn, `{"Heartbeat":%q}`, bobID)
				conn.Close()
			},
			func() { w.plain.Send("x", false) }, // delivered
		} {
			time.Sleep(29 * time.Second)
			w.expect()
			alive()
		}
		time.Sleep(29 * time.Second)
		w.expect()
		time.Sleep(3 * time.Second)
		w.expect("peer: late Bob")
		w.plain.HandleHeartbeat(bobID, bobAddr)
		w.expect("peer: up Bob")
		time.Sleep(59 * time.Second)
		w.expect("peer: late Bob")
		time.Sleep(3 * time.Second)
		w.expect("peer: lost Bob")
		w.plain.HandleHeartbeat(bobID, bobAddr) // has an unknown id, and no port
		w.expect()
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		w.expect("peer: up Bob")
	})
}

// TestForgeriesChangeNothing checks that no other peer can keep, remove, rename or move Bob.
func TestForgeriesChangeNothing(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		w.expect("peer: up Bob")
		before := w.plain.Peers()
		mallory := w.net.Host(netip.MustParseAddr("10.0.0.66"))
		trap := newSeed(t, mallory, 8081)
		defer trap.close()
		forged := []string{
			fmt.Sprintf(`{"Exit":%q}`, bobID),
			fmt.Sprintf(`{"IdentityAnnouncement":{"peer_id":%q,"name":"Mallory","public_key":[1]}}`, bobID),
			fmt.Sprintf(`{"Discovery":{"id":%q,"name":"Mallory","ip":"10.0.0.2","port":8081}}`, bobID),
			fmt.Sprintf(`{"Heartbeat":%q}`, bobID),
			fmt.Sprintf(`{"Chat":{"from_id":%q,"from_name":"Mallory","content":"x","timestamp":1}}`, bobID),
		}
		conn := w.dial(mallory)
		fmt.Fprint(conn, strings.Join(forged, ""))
		conn.Close()
		synctest.Wait()
		from := netip.AddrPortFrom(netip.MustParseAddr("10.0.0.66"), 9)
		w.plain.HandleBeacon(wire.Discovery{ID: bobID, Name: "Mallory", IP: "10.0.0.2", Port: 8081}, from)
		w.plain.HandleHeartbeat(bobID, from)
		w.expect(
			"refused: Exit of a peer that is not known there",
			"refused: the id of a peer that is there, from another address",
			`said: unsigned "Mallory" "x"`,
			"refused: the id of a peer that is there, from another address",
		)
		if after := w.plain.Peers(); !slices.Equal(before, after) {
			t.Errorf("Bob was %+v, is %+v", before, after)
		}
		w.plain.Send("for Bob", false)
		time.Sleep(2 * time.Second)
		if got := trap.take(); got != nil {
			t.Errorf("Mallory got %q", got)
		}
		time.Sleep(31 * time.Second) // none of it was Bob's sign of life; the delivery was
		w.expect("peer: late Bob")
	})
}

// TestRestartAndMove checks that a program that was started again has a new id at the same address, and
// that a program whose address changed moves, once nothing is heard of the old one.
func TestRestartAndMove(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		w.expect("peer: up Bob")
		again := wire.Discovery{ID: "b0b2", Name: "Bobby", Port: 8081}
		w.plain.HandleBeacon(again, bobAddr)
		w.expect("refused: another id at the address of a peer that is there")
		time.Sleep(idKeptFor)
		w.plain.HandleBeacon(again, bobAddr)
		w.expect("peer: up Bobby, before Bob")
		time.Sleep(31 * time.Second)
		w.expect("peer: late Bobby")
		moved := netip.MustParseAddrPort("10.0.0.3:9")
		w.plain.HandleBeacon(again, moved)
		w.expect("peer: up Bobby")
		peers := w.plain.Peers()
		if len(peers) != 1 || peers[0].Addr != netip.MustParseAddrPort("10.0.0.3:8081") {
			t.Errorf("peers %+v", peers)
		}
		w.plain.Send("to the new address?", false) // only one beacon came from there
		synctest.Wait()
		if got := texts(t, bob.take()); got != nil {
			t.Errorf("the old address got %+v", got)
		}
	})
}

// TestNativeIsNotDialledPlain checks that a peer that is known as native is never a plain peer, and that a
// plain peer that becomes native is forgotten.
func TestNativeIsNotDialledPlain(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		w.expect("peer: up Bob")
		w.mu.Lock()
		w.native = func(id string, _ netip.AddrPort) bool { return id == bobID }
		w.mu.Unlock()
		w.plain.Enforce()
		w.expect("peer: left Bob")
		w.beacons(bobID, "Bob", bobAddr)
		w.plain.Send("secret", false)
		time.Sleep(time.Minute)
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
		w.expect()
	})
}

// TestPolicy checks that plain peers are neither heard nor sent to where they aren't allowed, from the
// moment on.
func TestPolicy(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		host := w.net.Host(bobAddr.Addr())
		guest := w.dial(host)
		defer guest.Close()
		fmt.Fprintln(guest, "hello")
		open := w.dial(host)
		defer open.Close()
		fmt.Fprint(open, `{"Heartbeat":"x"}`)
		time.Sleep(2 * time.Second)
		w.rec.take()
		bob.take()
		w.mu.Lock()
		w.policy = func(netip.Addr) bool { return false }
		w.mu.Unlock()
		w.plain.Enforce()
		w.plain.Send("secret", false)
		w.plain.WriteToLineClients("Dana", "secret")
		fmt.Fprintln(guest, "still here?")
		fmt.Fprint(open, `{"Chat":{"from_id":"x","from_name":"Bob","content":"still here?","timestamp":1}}`)
		w.beacons(bobID, "Bob", bobAddr)
		time.Sleep(10 * time.Second)
		for _, e := range w.rec.take() {
			if strings.HasPrefix(e, "said") {
				t.Error(e)
			}
		}
		if got := bob.take(); got != nil {
			t.Errorf("Bob got %q", got)
		}
		if got := w.plain.Peers(); len(got) != 0 {
			t.Errorf("peers %+v", got)
		}
		late := w.dial(host)
		defer late.Close()
		time.Sleep(5 * time.Second)
		if _, err := late.Read(make([]byte, 1)); err == nil {
			t.Error("a silent connection became a guest")
		}
	})
}

// TestFoundByMDNS checks that a program that finds peers by mDNS gets an introduction at once, since it
// learns of us over TCP only.
func TestFoundByMDNS(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		for range 3 {
			w.plain.HandleFound(bobSays(8081), bobAddr)
		}
		time.Sleep(2 * time.Second)
		want := []string{`{"Discovery":{"id":"` + selfID + `","name":"Alice","ip":"10.0.0.1","port":8080}}`}
		if d := cmp.Diff(want, bob.take()); d != "" {
			t.Errorf("Bob got\n%s", d)
		}
	})
}

// TestDiscoveryIsAnswered checks that a Discovery over TCP is answered with ours, to where the other
// listens, and not for ever.
func TestDiscoveryIsAnswered(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		host := w.net.Host(bobAddr.Addr())
		for range 3 {
			conn := w.dial(host)
			fmt.Fprintf(conn, `{"Discovery":{"id":%q,"name":"Bob","ip":"10.0.0.1","port":8081}}`, bobID)
			conn.Close()
			synctest.Wait()
		}
		if got := bob.take(); len(got) != 1 || !strings.Contains(got[0], `"ip":"10.0.0.1","port":8080`) {
			t.Errorf("Bob got %q", got)
		}
		w.expect("peer: up Bob")
		w.plain.Send("hello", false)
		synctest.Wait()
		if got := bob.take(); len(got) != 1 {
			t.Errorf("Bob got %q", got)
		}
	})
}

func TestPeersSnapshot(t *testing.T) {
	hears(t, func(w *world, bob *seed) {
		w.beacons(bobID, "Bob", bobAddr)
		guest := w.dial(w.net.Host(bobAddr.Addr()))
		defer guest.Close()
		fmt.Fprintln(guest, "hello")
		synctest.Wait()
		kinds := map[event.Kind]event.Peer{}
		for _, p := range w.plain.Peers() {
			kinds[p.Kind] = p
		}
		b, g := kinds[event.KindJSON], kinds[event.KindLine]
		if len(kinds) != 2 || b.ID != bobID || b.Addr != bobAddr || b.State != event.Up || b.Encrypted() ||
			g.Name != guest.LocalAddr().String() || g.ID == "" || g.In != 6 {
			t.Errorf("peers %+v", kinds)
		}
	})
}
