package plain

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chat.lan/p2pchat/net/memnet"
)

// third is a host that a stranger's beacons name: it counts its connections and what came on them.
type third struct {
	l   net.Listener
	udp *memnet.Packets // nil: its host refuses datagrams

	mu    sync.Mutex
	greet string // what it says first
	hang  bool   // it hangs up at once
	came  []time.Time
	got   []string
	wait  sync.WaitGroup
}

func newThird(t *testing.T, h *memnet.Host, port uint16, receives bool) *third {
	t.Helper()
	l, err := h.Listen(t.Context(), "tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		t.Fatal(err)
	}
	s := &third{l: l}
	if receives {
		s.udp = h.Packets()
	}
	s.wait.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.wait.Go(func() { s.serve(c) })
		}
	})
	return s
}

func (s *third) serve(c net.Conn) {
	defer c.Close()
	s.mu.Lock()
	s.came = append(s.came, time.Now())
	greet, hang := s.greet, s.hang
	s.mu.Unlock()
	if hang {
		return
	}
	fmt.Fprint(c, greet)
	b := make([]byte, 1024)
	n, _ := c.Read(b)
	s.mu.Lock()
	s.got = append(s.got, string(b[:n]))
	s.mu.Unlock()
}

func (s *third) behave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.greet, s.hang = "", false
}

// received returns how many connections came and what came on them.
func (s *third) received() (connections int, got []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.came), slices.Clone(s.got)
}

func (s *third) close() {
	s.l.Close()
	if s.udp != nil {
		s.udp.Close()
	}
	s.wait.Wait()
}

// keepBeacons sends a beacon of Bob's every 5 s for a while.
func (w *world) keepBeacons(at netip.AddrPort, d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(5 * time.Second) {
		w.beacons(bobID, "Bob", at)
	}
	synctest.Wait()
}

// A seed program that is known by beacons gets the first message within 2 s, on the only connection that is made, and
// later ones at once. Nothing is dialled before there is something to say.
func TestProbeOfASeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), true)
		defer bob.close()
		w.keepBeacons(bobAddr, time.Minute)
		if n, _ := bob.received(); n != 0 {
			t.Errorf("%d connections with nothing to say", n)
		}
		for i, most := range []time.Duration{2 * time.Second, 0, 0} {
			if n := w.plain.Send(fmt.Sprint("line ", i), false); n != 1 {
				t.Errorf("sent to %d", n)
			}
			time.Sleep(most)
			synctest.Wait()
			n, got := bob.received()
			if len(got) != i+1 || n != i+1 || !strings.Contains(got[i], fmt.Sprint("line ", i)) {
				t.Fatalf("within %v of line %d: %d connections, %q", most, i, n, got)
			}
		}
		w.expect("peer: up Bob")
	})
}

// A host that lacks one of the signs of a seed program gets nothing, and the user reads so once.
func TestProbeOfAThirdHost(t *testing.T) {
	for _, tc := range []struct {
		what        string
		at          string
		receives    bool
		greet       string
		hang        bool
		connections int
	}{
		{"refuses datagrams", "10.0.0.2:9100", false, "", false, 0},
		{"a service's port", "10.0.0.2:1023", true, "", false, 0},
		{"another network", "10.0.1.2:9100", true, "", false, 0},
		{"speaks first", "10.0.0.2:9100", true, "220 mail ready\r\n", false, 1},
		{"hangs up", "10.0.0.2:9100", true, "", true, 1},
	} {
		t.Run(tc.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				defer w.close()
				at := netip.MustParseAddrPort(tc.at)
				victim := newThird(t, w.net.Host(at.Addr()), at.Port(), tc.receives)
				defer victim.close()
				victim.greet, victim.hang = tc.greet, tc.hang
				w.beacons(bobID, "Bob", at)
				w.plain.Send("secret", true)
				time.Sleep(2 * time.Second)
				w.expect("peer: up Bob", "unlike: "+tc.at)
				if n := w.plain.Send("more", true); n != 0 {
					t.Errorf("sent to %d", n)
				}
				began := time.Now()
				if err := w.plain.WaitSent(t.Context()); err != nil || time.Since(began) != 0 {
					t.Errorf("waited %v for an address that gets nothing, %v", time.Since(began), err)
				}
				w.keepBeacons(at, 20*time.Second)
				n, got := victim.received()
				if n != tc.connections || strings.Join(got, "") != "" {
					t.Errorf("%d connections, which brought %q", n, got)
				}
				w.keepBeacons(at, time.Minute) // the messages are given up
				w.expect("undelivered: 1 to Bob")
				if _, got := victim.received(); strings.Join(got, "") != "" {
					t.Errorf("it got %q", got)
				}
			})
		})
	}
}

// An address is tried at most every 30 s, however much there is to say. What waits goes out in order when it passes.
func TestProbesAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), true)
		defer bob.close()
		bob.greet = "hello?"
		for i := range 100 {
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Send(fmt.Sprint("line ", i, "."), false)
			time.Sleep(time.Second)
		}
		bob.mu.Lock()
		came := slices.Clone(bob.came)
		bob.mu.Unlock()
		if len(came) != 4 {
			t.Errorf("%d attempts in 100 s", len(came))
		}
		for i := range came[1:] {
			if pause := came[i+1].Sub(came[i]); pause < probeEvery {
				t.Errorf("%v between two attempts", pause)
			}
		}
		bob.behave()
		time.Sleep(probeEvery)
		synctest.Wait()
		var lines []string
		_, got := bob.received()
		for _, c := range texts(t, slices.DeleteFunc(got, func(s string) bool { return s == "" })) {
			lines = append(lines, c.Content)
		}
		if len(lines) < 30 || lines[len(lines)-1] != "line 99." || !slices.Equal(lines, linesTo(len(lines))) {
			t.Errorf("Bob got %q", lines)
		}
		// Now it is proven.
		w.plain.Send("at once", false)
		synctest.Wait()
		if _, got := bob.received(); !strings.Contains(got[len(got)-1], "at once") {
			t.Errorf("Bob got %q", got[len(got)-1])
		}
		w.expect("peer: up Bob", "unlike: 10.0.0.2:8081", "undelivered: 1 to Bob")
	})
}

// linesTo returns the last n of the lines that TestProbesAreRare sends.
func linesTo(n int) (lines []string) {
	for i := 100 - n; i < 100; i++ {
		lines = append(lines, fmt.Sprint("line ", i, "."))
	}
	return lines
}

// An address that the user names gets at once what waits, though it doesn't pass.
func TestNamedAddressIsTrusted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), false)
		defer bob.close()
		w.beacons(bobID, "Bob", bobAddr)
		w.plain.Send("hello", false)
		time.Sleep(2 * time.Second)
		w.plain.ConnectJSON(bobAddr.String())
		time.Sleep(time.Second)
		synctest.Wait()
		if n := w.plain.Send("again", false); n != 1 {
			t.Errorf("sent to %d", n)
		}
		synctest.Wait()
		_, got := bob.received()
		if said := texts(t, got); len(said) != 2 || said[0].Content != "hello" || said[1].Content != "again" {
			t.Errorf("Bob got %q", got)
		}
		w.expect("peer: up Bob", "unlike: 10.0.0.2:8081")
	})
}

// An object over TCP makes only that peer's address trusted that it names as its sender.
func TestConnectionOfAnotherPeerTrustsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		victim := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), false)
		defer victim.close()
		w.beacons(bobID, "Bob", bobAddr)
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		defer conn.Close()
		fmt.Fprintf(conn, `{"Chat":{"from_id":%q,"from_name":"Carol","content":"x","timestamp":1}}`, carolID)
		synctest.Wait()
		w.plain.Send("secret", false)
		time.Sleep(10 * time.Second)
		if n, got := victim.received(); n != 0 {
			t.Errorf("the other program of that host got %q", got)
		}
	})
}

// A peer that moves is probed at its new address, and an address that it had is not spared its pause.
func TestMovedPeerIsProbedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), true)
		defer bob.close()
		w.beacons(bobID, "Bob", bobAddr)
		w.plain.Send("hello", false)
		time.Sleep(lateAfter + 5*time.Second)
		moved := netip.MustParseAddrPort("10.0.0.3:8081")
		victim := newThird(t, w.net.Host(moved.Addr()), moved.Port(), true)
		defer victim.close()
		victim.greet = "who is there?"
		w.beacons(bobID, "Bob", moved)
		w.plain.Send("secret", false)
		time.Sleep(5 * time.Second)
		if n, got := victim.received(); n != 1 || strings.Join(got, "") != "" {
			t.Errorf("%d connections, which brought %q", n, got)
		}
	})
}

// A program that was never sent anything gets a goodbye all the same, as the only thing.
func TestGoodbyeIsProbedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), true)
		defer bob.close()
		w.plain.HandleBeacon(bobSays(8081), bobAddr)
		synctest.Wait()
		conn := w.dial(w.net.Host(bobAddr.Addr()))
		fmt.Fprintf(conn, `{"Heartbeat":%q}`, carolID) // of another program there: as good as a second beacon
		synctest.Wait()
		conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		w.plain.Leave(ctx)
		if n, got := bob.received(); n != 1 || got[0] != `{"Exit":"`+selfID+`"}` {
			t.Errorf("%d connections brought %q", n, got)
		}
	})
}

// A goodbye follows what waits for a probe. Of an address that doesn't pass, Leave doesn't wait long.
func TestLeaveDuringAProbe(t *testing.T) {
	for _, greet := range []string{"", "220 mail ready"} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			defer w.close()
			bob := newThird(t, w.net.Host(bobAddr.Addr()), bobAddr.Port(), true)
			defer bob.close()
			bob.greet = greet
			w.beacons(bobID, "Bob", bobAddr)
			w.plain.Send("bye", false)
			synctest.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			began := time.Now()
			w.plain.Leave(ctx)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("Leave took %v", took)
			}
			synctest.Wait()
			n, got := bob.received()
			if greet == "" && (n != 2 || !strings.Contains(got[0], "bye") || !strings.Contains(got[1], "Exit")) || greet != "" && (n != 1 || strings.Join(got, "") != "") {
				t.Errorf("%d connections brought %q", n, got)
			}
		})
	}
}
