package e2e

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// service is a program on a third host that has nothing to do with a chat: it counts its connections and what came.
type service struct {
	greet string // what it says first

	mu    sync.Mutex
	conns int
	got   []string
}

// serve starts a service on a host's port, on all of its addresses.
func (h *host) serve(port int, greet string) *service {
	h.lan.t.Helper()
	s := &service{greet: greet}
	var l net.Listener
	h.inside(func() {
		var err error
		if l, err = net.Listen("tcp4", fmt.Sprintf(":%d", port)); err != nil {
			h.lan.t.Error(err)
		}
	})
	if h.lan.t.Failed() {
		h.lan.t.FailNow()
	}
	var wait sync.WaitGroup
	h.lan.t.Cleanup(func() {
		l.Close()
		wait.Wait()
	})
	wait.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wait.Go(func() {
				defer conn.Close()
				s.mu.Lock()
				s.conns++
				s.mu.Unlock()
				io.WriteString(conn, s.greet)
				_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
				b := make([]byte, 1024)
				n, _ := conn.Read(b)
				s.mu.Lock()
				s.got = append(s.got, string(b[:n]))
				s.mu.Unlock()
			})
		}
	})
	return s
}

func (s *service) received() (conns int, got string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns, strings.Join(s.got, "")
}

// announced sends beacons in a host's name until the test ends, as a stranger forges them: they come from the host's
// address, while no program of it takes beacons.
func (h *host) announced(id, name string, port int) {
	h.lan.t.Helper()
	h.ip("route", "replace", "default", "dev", "eth0")
	var udp *net.UDPConn
	h.inside(func() {
		var err error
		if udp, err = net.ListenUDP("udp4", nil); err != nil {
			h.lan.t.Error(err)
		}
	})
	if h.lan.t.Failed() {
		h.lan.t.FailNow()
	}
	done := make(chan struct{})
	var wait sync.WaitGroup
	h.lan.t.Cleanup(func() {
		close(done)
		wait.Wait()
		udp.Close()
	})
	wait.Go(func() {
		beacon := fmt.Appendf(nil, `{"Discovery":{"id":%q,"name":%q,"ip":"203.0.113.7","port":%d}}`, id, name, port)
		for {
			udp.WriteToUDP(beacon, &net.UDPAddr{IP: net.IPv4bcast, Port: 9999})
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
		}
	})
}

// takesBeacons has something on the host listen where the seed's programs take beacons.
func (h *host) takesBeacons() {
	h.lan.t.Helper()
	h.inside(func() {
		udp, err := net.ListenUDP("udp4", &net.UDPAddr{Port: 9999})
		if err != nil {
			h.lan.t.Error(err)
			return
		}
		h.lan.t.Cleanup(func() { udp.Close() })
	})
}

// Beacons that name a third host make no one write there: it refuses heartbeats, or greets first. The user reads so,
// with the next step. A seed's program that is known by beacons alone gets the first message within 2 s, on the only
// connection, and later ones at once.
func TestForgedBeacons(t *testing.T) {
	l := newLAN(t, "forged", "red")
	alice, bob := l.host("alice", "10.77.0.1/16@red").start(), l.host("bob", "10.77.0.2/16@red").start()
	alice.sees("up", bob)
	printer, mailer := l.host("printer", "10.77.0.9/16@red"), l.host("mailer", "10.77.0.10/16@red")
	paper, mail := printer.serve(9100, ""), mailer.serve(2525, "220 mailer ready\r\n")
	mailer.takesBeacons()
	printer.announced(robinID, "Robin", 9100)
	mailer.announced(novaID, "Nova", 2525)
	rusty := runScript(l.host("rusty", "10.77.0.3/16@red"), rustyID, "Rusty", "10.77.0.3", 8081)
	rusty.beacons()
	for _, id := range []string{robinID, novaID, rustyID} {
		alice.next = 0
		alice.meets("up", id)
	}
	rusty.knows(alice)
	time.Sleep(3 * time.Second) // further beacons
	if n, _ := paper.received(); n != 0 || len(rusty.lines()) != 0 {
		t.Error("something was dialled with nothing to say")
	}
	began := time.Now()
	alice.says("the first message")
	rusty.hears("alice: the first message")
	if took := time.Since(began); took < time.Second || took > 2*time.Second+slack {
		t.Errorf("the first message reached the seed's program after %v", took)
	}
	began = time.Now()
	alice.says("the second message")
	rusty.hears("alice: the second message")
	if took := time.Since(began); took > slack {
		t.Errorf("the second message reached the seed's program after %v", took)
	}
	if rusty.mu.Lock(); rusty.empty != 0 {
		t.Errorf("%d empty connections came to the seed's program", rusty.empty)
	}
	rusty.mu.Unlock()
	bob.hears(alice, "the second message")
	for addr, s := range map[string]*service{"10.77.0.9:9100": paper, "10.77.0.10:2525": mail} {
		host, _, _ := net.SplitHostPort(addr)
		alice.next = 0
		said := alice.until("that "+addr+" is no chat", func(h happened) bool { return h.Text == host+" announces a chat but doesn't behave like one" })
		if said.Level != "warning" || said.Hint != "/connect json://"+addr+" to talk to it anyway" {
			t.Errorf("it is said as %s", said.raw)
		}
		if _, got := s.received(); got != "" {
			t.Errorf("%s got %q", addr, got)
		}
	}
	if n, _ := paper.received(); n != 0 {
		t.Errorf("the printer got %d connections", n)
	}
	if n, _ := mail.received(); n != 1 {
		t.Errorf("the mail server got %d connections", n)
	}
	alice.says("/connect json://10.77.0.9:9100")
	for range 100 {
		if _, got := paper.received(); strings.Contains(got, "the first message") && strings.Contains(got, "the second message") {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_, got := paper.received()
	t.Errorf("the address that the user named got %q", got)
}

// Two verified each other, and their link is cut. A program that claims the name of one of them gets nothing that the
// other says, until that is said with /unsigned, and raises an alarm.
func TestImpostor(t *testing.T) {
	l := newLAN(t, "impost", "red")
	home := l.host("alice", "10.77.0.1/16@red")
	alice, bob := home.start(), l.host("bob", "10.77.0.2/16@red").start()
	alice.sees("up", bob)
	alice.says("/verify bob yes")
	alice.until("the mark", func(h happened) bool { return h.Event == "peer" && strings.Contains(h.raw, `"verified":true`) })
	alice.quits()
	bob.quits()
	alice = home.start()
	mallory := runScript(l.host("mallory", "10.77.0.3/16@red"), rustyID, "B0b", "10.77.0.3", 8081)
	mallory.beacons()
	alarm := alice.until("an alarm", func(h happened) bool { return h.Level == "alarm" })
	if !strings.HasPrefix(alarm.Text, "B0b at 10.77.0.3:8081 is unencrypted and may not be the bob you verified (") || !strings.HasPrefix(alarm.Hint, "/unsigned TEXT") {
		t.Errorf("the alarm is %s", alarm.raw)
	}
	alice.next = 0
	alice.until("that it is held back", func(h happened) bool { return h.ID == rustyID && strings.Contains(h.raw, `"held_back":true`) })
	mallory.knows(alice)
	alice.says("a secret")
	held := alice.until("what was held back", func(h happened) bool { return strings.Contains(h.Text, "doesn't go to B0b (10.77.0.3:8081)") })
	if held.Level != "warning" || held.Hint != "/unsigned TEXT writes to it anyway" {
		t.Errorf("it is said as %s", held.raw)
	}
	mallory.send(mallory.chat("what did you say?"))
	alice.hearsPlain("B0b", "what did you say?", "unsigned")
	alice.says("another secret", "/unsigned who are you?")
	mallory.hears("alice: who are you?")
	if lines := mallory.lines(); !slices.Equal(lines, []string{"alice: who are you?"}) {
		t.Errorf("the impostor got %q", lines)
	}
}

// A silent nc that reads along is reported once for its address.
func TestSilentReader(t *testing.T) {
	l := newLAN(t, "reader", "red")
	alice := l.host("alice", "10.77.0.1/16@red").start()
	box := l.host("box", "10.77.0.7/16@red")
	first, second := box.nc("10.77.0.1:8080"), box.nc("10.77.0.1:8080")
	read := func(h happened) bool { return strings.Contains(h.Text, "reads along") }
	said := alice.until("who reads along", read)
	if said.Text != "10.77.0.7 reads along, unencrypted" || said.Hint != "--plain-peers off keeps such programs out" || said.Level != "warning" {
		t.Errorf("it is said as %s", said.raw)
	}
	alice.next = 0
	for range 2 {
		alice.until("both connections", func(h happened) bool { return h.Kind == "line" && h.State == "up" })
	}
	alice.says("hello")
	first.hears("alice: hello")
	second.hears("alice: hello")
	alice.says("/quit")
	_, log := alice.end()
	if n := len(slices.DeleteFunc(log, func(h happened) bool { return !read(h) })); n != 1 {
		t.Errorf("it is said %d times", n)
	}
}
